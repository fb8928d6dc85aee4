import { env } from "cloudflare:workers";
import * as fc from "fast-check";
import { beforeEach } from "vitest";
import { createReplays } from "../../src/domain/replays/create";
import { createReplayStore } from "../../src/domain/replays/store";
import { createLedger } from "../../src/ledger/ledger";
import { createQueries } from "../../src/ledger/queries";
import { createReplayable } from "../../src/ledger/replayable";
import { rotationMark } from "../../src/ledger/watermarks";
import { retryNow } from "../../src/queue/operate";
import { createEngineBench } from "./engine";
import { emptyLedger } from "./invariants";
import { recordingDb } from "./recorder";
import { lease, messageOf, newJobs, noon, transition } from "./rows";

export const fine = JSON.stringify({ script: [{ do: "done" }] });

/** Each test starts with an empty ledger. To be called by each test file: a module is loaded once for all files of a runtime. */
export function useReplays(): void {
  beforeEach(async () => {
    await emptyLedger();
    await env.DB.batch([env.DB.prepare("DELETE FROM replays"), env.DB.prepare("DELETE FROM replay_jobs"), env.DB.prepare("DELETE FROM watermarks")]);
  });
}

/** An engine and its replays over a D1 that counts. */
export function setUp() {
  const { db, statements, counts } = recordingDb();
  const bench = createEngineBench({ db });
  const loads: string[] = [];
  /** `sent`: called within a step, after its jobs were sent and before the step is recorded. */
  const hooks = { sent: async () => {} };
  const replays = createReplays({
    now: bench.now,
    store: createReplayStore(db),
    lastServed: rotationMark(db, "replays"),
    replayable: createReplayable(db),
    registry: bench.engine.registry,
    loadPayload: (ref) => (loads.push(ref), bench.engine.payloads.get(ref)),
    revive: async (rows, replay) => {
      const revived = await retryNow(bench.engine, rows, { event: "replayed", from: ["dead", "discarded"], replay });
      await hooks.sent();
      return revived;
    },
  });
  /** Statements of one call, as one invocation of the Worker would make them. */
  const during = async <T>(call: () => Promise<T>) => {
    statements.length = 0;
    const result = await call();
    return { result, statements: statements.length };
  };
  return { bench, replays, during, counts, loads, hooks, queries: createQueries(env.DB) };
}

export async function givenDead(tenant: string, count: number, more: Parameters<typeof newJobs>[2] = {}) {
  const ledger = createLedger(env.DB, () => undefined);
  const rows = await newJobs(tenant, count, { type: "scripted", version: 2, payload: fine, ...more });
  await ledger.insert(rows);
  for (let from = 0; from < count; from += 500) {
    const part = rows.slice(from, from + 500);
    await ledger.claim(part.map(messageOf), lease("fails"));
    await ledger.settle(
      part.map((row) => transition(row, { state: "dead", reason: "no", event: "dead", type: "scripted" })),
      "fails",
      noon,
    );
  }
  return rows;
}

export async function states(tenant: string) {
  const { results } = await env.DB.prepare("SELECT state, count(*) AS n FROM jobs WHERE tenant = ? GROUP BY state")
    .bind(tenant)
    .all<{ state: string; n: number }>();
  return Object.fromEntries(results.map(({ state, n }) => [state, n]));
}

export const fails = JSON.stringify({ script: [{ do: "discard", reason: "still broken" }] });

export const standing = fc.record({
  canary: fc.nat(9),
  sent: fc.nat(60),
  succeeded: fc.nat(60),
  failedAgain: fc.nat(60),
  open: fc.nat(60),
  isSent: fc.boolean(),
});
