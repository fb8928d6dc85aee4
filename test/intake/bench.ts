import { env } from "cloudflare:workers";
import * as v from "valibot";
import { createIntakeDeps } from "../../src/app/intake";
import { createMediaDeps } from "../../src/app/media";
import { createStores } from "../../src/app/stores";
import { createWork } from "../../src/app/work";
import type { WorkerEnv } from "../../src/env";
import type { NewAuditEntry, FailureReport, IntakeDeps } from "../../src/intake/deps";
import { createIntake } from "../../src/intake/router";
import { campaign } from "../../src/jobs/campaign/job";
import { email } from "../../src/jobs/email/job";
import { image } from "../../src/jobs/image/job";
import { lead } from "../../src/jobs/lead/job";
import { syncOrders } from "../../src/jobs/sync-orders/job";
import { syncProducts } from "../../src/jobs/sync-products/job";
import { syncSingleOrder } from "../../src/jobs/sync-single-order/job";
import { webhook } from "../../src/jobs/webhook/job";
import { createPayloads } from "../../src/ledger/payloads";
import { createQueries } from "../../src/ledger/queries";
import { personal } from "../../src/masking/personal";
import type { Engine } from "../../src/queue/engine";
import { enqueue } from "../../src/queue/enqueue";
import { defineJob, job } from "../../src/queue/job";
import { done } from "../../src/queue/outcome";
import type { Enqueue, EnqueueRequest } from "../../src/queue/request";
import { createGates } from "../../src/tenants/gates";
import type { TokenScope } from "../../src/tenants/token";
import { createTokenUse } from "../../src/tenants/token-use";
import { describedRoutes } from "../support/described-routes";
import { createEngineBench } from "../support/engine";
import { type Answered, answered, type CallOptions, requestOf } from "./calls";
import { gatesOn } from "./gate-fakes";
import { now } from "./given";

export const root = env.ROOT_TOKEN;

const note = defineJob({
  type: "note",
  payload: v.strictObject({
    text: v.pipe(v.string(), personal()),
    count: v.optional(v.number()),
    siteId: v.optional(v.string()),
    tree: v.optional(v.unknown()),
  }),
  result: v.object({ line: v.pipe(v.string(), personal()), times: v.number() }),
  queue: "events",
});
const outside = defineJob({ type: "outside", payload: v.strictObject({}), queue: "deliveries", remote: true });

const jobs = [campaign, email, note, outside, image, lead, webhook, syncOrders, syncProducts, syncSingleOrder].map((contract) =>
  job(contract as never, (async () => done()) as never),
);

/** What went past the ledger, for a test to look at. */
export interface Seen {
  /** What `enqueue` took. */
  requests: EnqueueRequest[];
  audits: NewAuditEntry[];
  failures: FailureReport[];
  /** `tenant/site` whose waiting jobs were brought forward. */
  woken: string[];
  /** Work that goes on after an answer. */
  deferred: Promise<unknown>[];
  /** `tenant/dependency` of gates that a change of a setting, or an operator, closed or probed. */
  gates: string[];
}

export interface IntakeBench {
  /** Everything may be replaced by a test. */
  deps: IntakeDeps;
  seen: Seen;
  /** A new tenant with one token for each scope. */
  tenant(name: string): Promise<Tokens>;
  call(method: string, path: string, options?: CallOptions): Promise<Answered>;
}

export type Tokens = Record<TokenScope, string>;

/** The interface as the Worker makes it, on the test's own stores and an engine whose queues have no consumer. The outside systems, the gates and the platform are fakes. */
export function createIntakeBench(): IntakeBench {
  const seen: Seen = { requests: [], audits: [], failures: [], woken: [], deferred: [], gates: [] };
  const deps = createDeps(seen);
  const described = describedRoutes();
  const intake = createIntake(deps, described.table);
  return {
    deps,
    seen,
    async tenant(name) {
      await deps.tenants.put(name, { name }, now);
      const scopes = ["enqueue", "read", "leads", "operate", "work", "admin"] as const;
      const minted = await Promise.all(scopes.map((scope) => deps.tokens.create(name, { name: scope, scopes: [scope] }, now)));
      return Object.fromEntries(scopes.map((scope, index) => [scope, minted[index]?.token])) as Tokens;
    },
    call: async (method, path, options = {}) => {
      const answer = await answered(await intake(requestOf(method, path, options)));
      described.check();
      return answer;
    },
  };
}

const settings: WorkerEnv = { ...env, OWN_HOSTS: "jobs.example.com" };
/** What a mail's links and suppressed addresses are made with. */
export const { hashAddress, unsubscribeTokens } = createStores(settings);

function createDeps(seen: Seen): IntakeDeps {
  const { engine } = createEngineBench({ jobs, start: now, idSecret: env.ID_SECRET, ledgerFirst: false });
  const clock = () => now;
  const real = createIntakeDeps({
    env: settings,
    now: clock,
    engine,
    enqueue: enqueueInto(seen, engine),
    gates: createGates(env.GATE as never, async () => ({})),
    payloads: createPayloads(env.PAYLOADS),
    queries: createQueries(env.DB),
    stores: createStores(settings),
    media: createMediaDeps(settings, clock),
    work: createWork({ env: settings, engine, counters: { add: () => undefined } }),
  });
  return {
    ...real,
    auth: { ...real.auth, use: createTokenUse(env.DB, (work) => void seen.deferred.push(work)), mayBeRefused: async () => true },
    leads: { ...real.leads, turnstile: async () => ({ result: "passed" }), mayPost: async () => true, mayPostTo: async () => true },
    shops: {
      test: async () => ({ ok: false, class: "config", reason: "there is no shop in this test" }),
      wake: async (tenant, site) => void seen.woken.push(`${tenant}/${site}`),
    },
    gates: gatesOn(seen),
    platform: {
      queues: async () => [
        { queue: "events", backlog: 12, bytes: 3400, oldestAt: now - 5000 },
        { queue: "email-sending", backlog: null, bytes: null, oldestAt: null },
      ],
      ledgerSize: async () => ({ bytes: 2_500_000_000, maxBytes: 10_000_000_000 }),
      tickSteps: async () => [{ step: "sweep", outcome: "done", at: now - 20_000, ms: 12, detail: null }],
      health: async () => ({ ledger: "ok" }),
    },
    audit: async (entry) => (seen.audits.push(entry), real.audit(entry)),
    report: (failure) => void seen.failures.push(failure),
  };
}

/** What it took is noted. */
function enqueueInto(seen: Seen, engine: Engine): Enqueue {
  return async (requests) => {
    const receipts = await enqueue(engine, requests);
    seen.requests.push(...requests.filter((_, index) => receipts[index]?.ok));
    return receipts;
  };
}
