import { env } from "cloudflare:workers";
import { beforeEach } from "vitest";
import { createReportsOn } from "../../../src/app/reports";
import type { GateView } from "../../../src/domain/gates/model";
import { type LedgerLimit, paidPlanLimit } from "../../../src/domain/installation/ledger-size";
import type { WorkerEnv } from "../../../src/env";
import type { SpentDay } from "../../../src/queue/memory";
import type { PauseView } from "../../../src/ledger/pauses";
import { createQueries } from "../../../src/ledger/queries";
import { emptyLedger } from "../../support/invariants";
import { newJobs, noon } from "../../support/rows";

export const minute = 60_000;

/** What the ports of the report answer. */
export const world: { pauses: PauseView[]; gates: GateView[]; spent: SpentDay | null; limit: LedgerLimit } = {
  pauses: [],
  gates: [],
  spent: null,
  limit: paidPlanLimit,
};

export const circuit: GateView = {
  dependency: "mail",
  circuit: "open",
  openUntil: noon + 30_000,
  failures: 5,
  slots: { used: 0, max: 4 },
  rate: null,
  held: 3,
  parked: 210,
  lastFailure: { at: noon - minute, reason: "mail API: host not found" },
};

export const partsOn = (db: D1Database) => ({
  env: { DB: db } as WorkerEnv,
  now: () => noon,
  queries: createQueries(env.DB),
  pauses: async (tenant: string | null) => world.pauses.filter((pause) => tenant === null || pause.tenant === "*" || pause.tenant === tenant),
  gates: {
    first: async (_tenant: string, limit: number) => world.gates.slice(0, limit),
    named: async (_tenant: string, names: readonly string[]) => world.gates.filter(({ dependency }) => names.includes(dependency)),
  },
  registry: {
    find: (type: string) =>
      ({
        contract: {
          queues: [type === "sync-orders" ? "prestashop-sync" : "email-sending"],
          remote: type === "remote-demo" ? {} : undefined,
          gates: ({ siteId }: { siteId?: string }) => (siteId === undefined ? ["mail"] : [`orders:${siteId}`, `shop:${siteId}`]),
        },
      }) as never,
    contracts: () => [{ type: "remote-demo", remote: {} }] as never,
  },
  workers: { polls: async () => new Map() },
  dayLimit: async () => world.spent,
  ledgerLimit: async () => world.limit,
});

export const reports = createReportsOn(partsOn(env.DB));

export const tables = [
  "failure_groups",
  "counters",
  "schedules",
  "shop_sites",
  "shop_unreadable",
  "agent_proposals",
  "shop_purchase_orders",
  "ticks",
  "destinations",
  "subscriptions",
];

/** Each test starts with nothing to report. To be called by each test file: a module is loaded once for all files of a runtime. */
export function useReports(): void {
  beforeEach(async () => {
    world.pauses = [];
    world.gates = [];
    world.spent = null;
    world.limit = paidPlanLimit;
    await emptyLedger();
    await env.DB.batch(tables.map((table) => env.DB.prepare(`DELETE FROM ${table}`)));
  });
}

export interface Given {
  type?: string;
  queue?: string;
  state?: string;
  due?: number | null;
  at?: number;
  gate?: string | null;
  reason?: string | null;
  started?: number | null;
  ended?: number | null;
  site?: string | null;
  attempt?: number;
  payload?: string | null;
}

/** Rows as the ledger would hold them. */
export async function given(tenant: string, count: number, changes: Given): Promise<string[]> {
  const rows = await newJobs(tenant, count);
  const { type = "email", queue = "email-sending", state = "queued", due = null, at = noon, gate = null, reason = null } = changes;
  const { started = null, ended = null, site = null, attempt = 0, payload = null } = changes;
  const insert = env.DB.prepare(
    `INSERT INTO jobs (tenant, id, type, version, queue, state, seq, max, at, due, gate, reason, started, ended, site, attempt, payload, wake) VALUES (?, ?, ?, 1, ?, ?, 1, 8, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  await env.DB.batch(
    rows.map(({ id }) =>
      insert.bind(tenant, id, type, queue, state, at, due, gate, reason, started, ended, site, attempt, payload, gate === null ? due : noon),
    ),
  );
  return rows.map(({ id }) => id);
}

export async function whyOf(tenant: string, id: string) {
  const job = await createQueries(env.DB).job(tenant, id);
  if (!job) throw new Error("the job is there");
  return (await reports.why(tenant, [job]))[0];
}

export const pause: PauseView = {
  scope: "queue",
  name: "email-sending",
  tenant: "acme",
  since: noon - 2 * 60 * minute,
  actor: "ana",
  reason: "provider migration",
};
