import { env } from "cloudflare:workers";
import { createLedger } from "../../src/ledger/ledger";
import type { EffectRecord } from "../../src/queue/effect";
import { createIds } from "../../src/queue/id";
import { heldUntil } from "../../src/queue/placement";
import type { NewJob } from "../../src/queue/ports/intake-ledger";
import type { Transition } from "../../src/queue/ports/run-ledger";
import { isTerminal, type JobState } from "../../src/queue/state";
import { lease, messageOf, newJob, transition } from "../support/rows";

/** The clock of these tests. */
export const now = Date.UTC(2026, 9, 1, 12);
export const ids = createIds(env.ID_SECRET);

/** A note, unless something else is given, as the ledger writes it. */
export interface GivenJob extends Partial<Omit<NewJob, "tenant">> {
  state?: JobState;
  effects?: readonly EffectRecord[];
  /** What its last run is settled with, besides its state. */
  settled?: Partial<Transition>;
}

/** Writes a job as the engine does: accepted, and unless it is queued claimed and, unless it runs, settled; one that waits goes on a minute later. Gives its id. */
export async function givenJob(tenant: string, { state = "queued", effects = [], settled = {}, ...more }: GivenJob = {}): Promise<string> {
  const ledger = createLedger(env.DB, () => undefined);
  const at = more.at ?? now;
  const id = more.id ?? (await (more.parent ? ids.derive(tenant, ["child", more.parent, crypto.randomUUID()]) : ids.make(tenant, at)));
  const row = newJob({ type: "note", at, sent: at, payload, entities: ["order:7"], maxAttempts: 5, ...more, tenant, id });
  await ledger.insert([row]);
  if (state === "queued") return row.id;
  const token = crypto.randomUUID();
  await ledger.claim([messageOf(row)], lease(token, at));
  for (const effect of effects) await ledger.recordEffect(row, effect, token);
  if (state === "running") return row.id;
  const where = isTerminal(state) ? { ended: at } : { ...heldUntil(at + 60_000, at), ended: null };
  await ledger.settle([transition(row, { state, type: row.type, event: state === "done" ? null : state, ...where, ...settled })], token, at);
  return row.id;
}

const payload = JSON.stringify({ text: "anna@example.com", count: 3 });
