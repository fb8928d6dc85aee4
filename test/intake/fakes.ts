import { createInstallationStore } from "../../src/domain/installation/store";
import { env } from "cloudflare:workers";
import * as v from "valibot";
import { createCampaignIntake, createCampaignDeps } from "../../src/app/campaigns";
import { createMailEvents, createMailStores } from "../../src/app/mail-stores";
import { createMediaDeps, createMediaIntake } from "../../src/app/media";
import { createReportsOn } from "../../src/app/reports";
import { secretCheck } from "../../src/crypto";
import { createAgentOperations } from "../../src/domain/agents/operate";
import { createDestinationStore } from "../../src/domain/destinations/store";
import { createInboundSecretStore, eventSection } from "../../src/domain/events/inbound-secret";
import { unsubscribe } from "../../src/domain/mail-events/unsubscribe";
import { createTemplateCatalogue } from "../../src/domain/mail/catalogue";
import type { ReplayRequest, ReplayView } from "../../src/domain/replays/model";
import { createScheduleStore } from "../../src/domain/schedules/store";
import { createSubscriptionStore } from "../../src/domain/subscriptions/store";
import { createHashAddress } from "../../src/domain/suppressions/model";
import { createUnsubscribeTokens } from "../../src/domain/suppressions/unsubscribe-token";
import type { WorkerEnv } from "../../src/env";
import type { AuditEntry, FailureReport, IntakeDeps } from "../../src/intake/deps";
import { createIntake } from "../../src/intake/router";
import { campaign } from "../../src/jobs/campaign/job";
import { email } from "../../src/jobs/email/job";
import { image } from "../../src/jobs/image/job";
import { lead } from "../../src/jobs/lead/job";
import { syncOrders } from "../../src/jobs/sync-orders/job";
import { syncProducts } from "../../src/jobs/sync-products/job";
import { syncSingleOrder } from "../../src/jobs/sync-single-order/job";
import { webhook } from "../../src/jobs/webhook/job";
import { auditIn } from "../../src/ledger/audit";
import type { PauseView } from "../../src/ledger/pauses";
import { createPayloads } from "../../src/ledger/payloads";
import { createQueries } from "../../src/ledger/queries";
import { createSampleQueries } from "../../src/ledger/samples";
import type { DeadLetterFilter, JobDetail, JobFilter, Page, Queries } from "../../src/ledger/views";
import { personal } from "../../src/masking/personal";
import { enqueue } from "../../src/queue/enqueue";
import { createIds } from "../../src/queue/id";
import { defineJob, job } from "../../src/queue/job";
import type { Pause } from "../../src/queue/ports/job-row";
import { done } from "../../src/queue/outcome";
import { createRegistry } from "../../src/queue/registry";
import type { Enqueue, EnqueueRequest } from "../../src/queue/request";
import { isTerminal } from "../../src/queue/state";
import { connectionSection, createConnectionStore } from "../../src/tenants/connection";
import { createGates } from "../../src/tenants/gates";
import { derive, parseKeyRing } from "../../src/tenants/keys";
import { createProjectStore, projectSection } from "../../src/tenants/project";
import { createSiteStore, openWebhookSecret, siteSection } from "../../src/tenants/site";
import { createSnapshots, type Snapshots } from "../../src/tenants/snapshot";
import { createTenantStore } from "../../src/tenants/tenant";
import { createTokens, type Scope } from "../../src/tenants/token";
import { createTokenStore } from "../../src/tenants/token-store";
import { createVault, type Vault } from "../../src/tenants/vault";
import { createEngineBench } from "../support/engine";
import { bulkActionsOn } from "./bulk-fakes";
import { gatesOn } from "./gate-fakes";
import { leadsOn } from "./lead-fakes";
import { replaysOn } from "./replay-fakes";
import { outside, workOn } from "./work-fakes";

export const now = Date.UTC(2026, 9, 1, 12);
export const root = env.ROOT_TOKEN;

const note = defineJob({
  type: "note",
  payload: v.strictObject({
    text: v.pipe(v.string(), personal()),
    count: v.optional(v.number()),
    siteId: v.optional(v.string()),
    tree: v.optional(v.unknown()),
  }),
  result: v.object({ said: v.pipe(v.string(), personal()), times: v.number() }),
  queue: "events",
});

/** What the fakes were asked, and what they shall answer: everything may be replaced by a test. */
export interface Seen {
  jobs: Map<string, JobDetail>;
  requests: EnqueueRequest[];
  lists: { tenant: string; filter: JobFilter | DeadLetterFilter; page: Page }[];
  replays: Map<string, ReplayView & { request: ReplayRequest }>;
  pauses: PauseView[];
  audits: AuditEntry[];
  failures: FailureReport[];
  /** `tenant/site` whose waiting jobs were brought forward. */
  woken: string[];
  /** `tenant/dependency` of gates that a change of a setting, or an operator, closed or probed. */
  gates: string[];
}

export interface IntakeBench {
  deps: IntakeDeps;
  seen: Seen;
  /** A new tenant with one token for each scope. */
  tenant(name: string): Promise<Tokens>;
  call(method: string, path: string, options?: CallOptions): Promise<Answered>;
}

export type Tokens = Record<Scope, string>;

export interface CallOptions {
  token?: string | undefined;
  tenant?: string;
  body?: unknown;
  headers?: Record<string, string>;
}

export interface Answered {
  status: number;
  headers: Headers;
  text: string;
  body: any; // eslint-disable-line -- tests look into answers of every shape
}

/** Real stores and the real `enqueue` on the test's own D1; what reads and operates jobs is made up. */
export function createIntakeBench(): IntakeBench {
  const seen: Seen = { jobs: new Map(), requests: [], lists: [], replays: new Map(), pauses: [], audits: [], failures: [], woken: [], gates: [] };
  const deps = createDeps(seen);
  const intake = createIntake(deps);
  return {
    deps,
    seen,
    async tenant(name) {
      await deps.tenants.put(name, { name }, now);
      const scopes = ["enqueue", "read", "leads", "operate", "work", "admin"] as const;
      const minted = await Promise.all(scopes.map((scope) => deps.tokens.create(name, { name: scope, scopes: [scope] }, now)));
      return Object.fromEntries(scopes.map((scope, index) => [scope, minted[index]?.token])) as Tokens;
    },
    call: async (method, path, options = {}) => answered(await intake(requestOf(method, path, options))),
  };
}

/** A job in the fake ledger; its id is genuine. */
export async function givenJob(bench: IntakeBench, tenant: string, changes: Partial<JobDetail> = {}): Promise<string> {
  const id = await ids.make(tenant, now);
  bench.seen.jobs.set(`${tenant}/${id}`, { ...blankJob, id, ...changes });
  return id;
}

export function requestOf(method: string, path: string, { token, tenant, body, headers = {} }: CallOptions): Request {
  const isRaw = body === undefined || typeof body === "string" || body instanceof ReadableStream || body instanceof Uint8Array;
  return new Request(`https://jobs.example.com${path}`, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(tenant === undefined ? {} : { "jobyard-tenant": tenant }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: (isRaw ? body : JSON.stringify(body)) as BodyInit }),
  });
}

export async function answered(response: Response): Promise<Answered> {
  const text = await response.text();
  const isJson = /json/.test(response.headers.get("content-type") ?? "") && text !== "";
  return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : undefined };
}

export const ids = createIds(env.ID_SECRET);
const jobs = [campaign, email, note, outside, image, lead, webhook, syncOrders, syncProducts, syncSingleOrder].map((contract) =>
  job(contract as never, (async () => done()) as never),
);
const registry = createRegistry(jobs);

function createDeps(seen: Seen): IntakeDeps {
  const send = enqueueInto(seen);
  const tokens = createTokens(parseKeyRing("SIGNING_KEYS", env.SIGNING_KEYS));
  const vault = createVault(parseKeyRing("ENCRYPTION_KEYS", env.ENCRYPTION_KEYS));
  const snapshots = createSnapshots({
    db: env.DB,
    kv: env.CONFIG,
    sections: [connectionSection, eventSection, projectSection, siteSection],
    report: () => undefined,
  });
  const rules = { ownHosts: ["jobs.example.com"], allowLocal: false };
  const hooks = { db: env.DB, vault, rules, changed: snapshots.changed };
  const media = { env: env as WorkerEnv, now: () => now, stores: { snapshots }, media: createMediaDeps(env as WorkerEnv, () => now) };
  const enqueuing = (enqueue: Enqueue) => ({ enqueue, campaigns: campaignsOn(enqueue, seen), media: createMediaIntake({ ...media, enqueue }) });
  return {
    now: () => now,
    auth: { isRoot: secretCheck(root), verifier: tokens, mayBeRefused: async () => true },
    snapshots,
    tenants: createTenantStore(env.DB, snapshots.changed),
    tokens: createTokenStore(env.DB, tokens, snapshots.changed),
    sites: createSiteStore(env.DB, vault, rules, snapshots.changed),
    connections: createConnectionStore(env.DB, vault, rules, snapshots.changed),
    projects: createProjectStore(env.DB, vault, snapshots.changed),
    leads: leadsOn(vault, ids, () => now),
    destinations: createDestinationStore(hooks),
    subscriptions: createSubscriptionStore(hooks),
    inboundSecrets: createInboundSecretStore(hooks),
    rules,
    publicUrl: "https://jobs.example.com",
    installation: createInstallationStore(env.DB, vault),
    templates: createTemplateCatalogue(env.DB),
    schedules: createScheduleStore(env.DB),
    db: env.DB,
    webhookSecret: async (tenant, site, webhook) => {
      const opened = await openWebhookSecret(vault, tenant, site, webhook);
      return opened.ok ? opened.text : undefined;
    },
    shops: {
      test: async () => ({ ok: false, class: "config", reason: "there is no shop in this test" }),
      wake: async (tenant, site) => void seen.woken.push(`${tenant}/${site}`),
    },
    gates: gatesOn(seen),
    reports: createReportsOn({
      env: env as WorkerEnv,
      now: () => now,
      queries: queriesOf(seen),
      pauses: operateOn(seen).pauses,
      gates: gatesOn(seen),
      registry,
      workers: { polls: async () => new Map() },
      dayLimit: async () => null,
    }),
    ...mailOn(vault, snapshots),
    registry,
    ...enqueuing(send),
    inTrace: (trace) => enqueuing((requests) => send(requests.map((each) => ({ trace, ...each })))),
    agents: createAgentOperations({
      db: env.DB,
      queries: createQueries(env.DB),
      type: "agent",
      payloads: createPayloads(env.PAYLOADS),
      now: () => now,
      // No job waits in this test, so none is woken.
      engine: () => ({ now: () => now, boot: "", ledger: { revive: async () => [] } }) as never,
    }),
    ids: { own: (tenant, type, own) => ids.derive(tenant, ["own", type, ...own]), belongs: (tenant, id) => ids.belongs(tenant, id) },
    queries: queriesOf(seen),
    samples: createSampleQueries(env.DB),
    loadPayload: async () => JSON.stringify({ text: "large" }),
    operate: operateOn(seen),
    bulkActions: bulkActionsOn(now),
    work: workOn({ ids, registry, now: () => now }),
    platform: {
      queues: async () => [
        { queue: "events", backlog: 12, bytes: 3400, oldestAt: now - 5000 },
        { queue: "email-sending", backlog: null, bytes: null, oldestAt: null },
      ],
      tickSteps: async () => [{ step: "sweep", outcome: "done", at: now - 20_000, ms: 12 }],
      health: async () => ({ ledger: "ok" }),
    },
    audit: async (entry) => (seen.audits.push(entry), auditIn(env.DB, entry)),
    report: (failure) => void seen.failures.push(failure),
  };
}

/** The real stores and doors, under keys of the tests. */
function mailOn(vault: Vault, snapshots: Snapshots): Pick<IntakeDeps, "suppressions" | "unsubscribe" | "mailEvents"> {
  const mail = createMailStores(env.DB, { hashAddress });
  const rules = { ownHosts: ["jobs.example.com"], allowLocal: false };
  const connections = createConnectionStore(env.DB, vault, rules, snapshots.changed);
  return {
    suppressions: mail.suppressions,
    unsubscribe: { read: unsubscribeTokens.read, act: (what) => unsubscribe(mail, what, now) },
    mailEvents: createMailEvents({ connections, snapshots, rules }, mail, () => now),
  };
}

function campaignsOn(enqueue: Enqueue, seen: Seen): IntakeDeps["campaigns"] {
  const resume = async (tenant: string, jobs: readonly string[]) => void seen.woken.push(...jobs.map((id) => `${tenant}/${id}`));
  const gates = createGates(env.GATE as never, async () => ({}));
  const deps = createCampaignDeps({ env: env as WorkerEnv, db: env.DB, stores: { hashAddress }, gates, resume, now: () => now });
  const tenants = createTenantStore(env.DB, async () => undefined);
  const events = createMailStores(env.DB, { hashAddress }).events;
  return createCampaignIntake({ deps, enqueue, stores: { tenants, templates: createTemplateCatalogue(env.DB) }, events });
}

const secret = new Uint8Array(32).fill(7);
export const hashAddress = createHashAddress(derive(secret, "signing", "address"));
export const unsubscribeTokens = createUnsubscribeTokens({
  encryption: derive(secret, "encryption", "unsubscribe"),
  signing: derive(secret, "signing", "unsubscribe"),
});

/** The real `enqueue`, on an engine whose queues nobody consumes; what it took is noted. */
function enqueueInto(seen: Seen): Enqueue {
  const { engine } = createEngineBench({ jobs, start: now, idSecret: env.ID_SECRET });
  return async (requests) => {
    const receipts = await enqueue(engine, requests);
    seen.requests.push(...requests.filter((_, index) => receipts[index]?.ok));
    return receipts;
  };
}

function queriesOf(seen: Seen): Queries {
  const of = (tenant: string) => [...seen.jobs].filter(([key]) => key.startsWith(`${tenant}/`)).map(([, each]) => each);
  return {
    job: async (tenant, id) => seen.jobs.get(`${tenant}/${id}`) ?? null,
    jobs: async (tenant, filter, page) => {
      seen.lists.push({ tenant, filter, page });
      return { jobs: of(tenant), cursor: "next" };
    },
    deadLetters: async (tenant, filter, page) => {
      seen.lists.push({ tenant, filter, page });
      const dead = of(tenant).filter((each) => each.state === "dead");
      return { deadLetters: dead.map((each) => ({ ...letter, id: each.id, type: each.type, siteId: each.siteId })), cursor: null };
    },
    groups: async (tenant) => {
      const examples = of(tenant).map((each) => each.id);
      return examples.length === 0 ? [] : [{ group: "g1", type: "note", reason: "503", count: 1, firstAt: now, lastAt: now, examples }];
    },
    counts: async (tenant, from) => [
      { minute: from, type: 'odd"\\\n', event: "done", count: tenant === null ? 30 : 3, ms: 1500 },
      { minute: from + 60_000, type: 'odd"\\\n', event: "done", count: 1, ms: 500 },
    ],
    backlog: async (tenant) => ({ deadLetters: tenant === null ? 20 : 2, discarded: 1, parked: 0, due: 1 }),
    hasType: async (tenant, type) => of(tenant).some((each) => each.type === type),
  };
}

function operateOn(seen: Seen): IntakeDeps["operate"] {
  const hold = (pause: Pause) => (each: Pause) => each.tenant === pause.tenant && each.scope === pause.scope && each.name === pause.name;
  const change = (tenant: string, id: string, allowed: (each: JobDetail) => boolean, state: JobDetail["state"]) => {
    const found = seen.jobs.get(`${tenant}/${id}`);
    if (!found) return null;
    const changed = allowed(found);
    if (changed) seen.jobs.set(`${tenant}/${id}`, { ...found, state });
    return { state: changed ? state : found.state, changed, flagged: false };
  };
  return {
    cancel: async (tenant, id) =>
      change(tenant, id, (each) => !isTerminal(each.state), "cancelled") ?? { state: "cancelled" as const, changed: true, flagged: false },
    retry: async (tenant, id) => change(tenant, id, (each) => each.state === "dead", "queued"),
    runNow: async (tenant, id) => change(tenant, id, (each) => each.state === "waiting" || each.due !== null, "queued"),
    resolveUncertainEffect: async (tenant, id, effect) => effect === "send" && seen.jobs.has(`${tenant}/${id}`),
    dismiss: async (tenant, id) => seen.jobs.get(`${tenant}/${id}`)?.state === "dead",
    pause: async (tenant, scope, name, { actor, reason = null }) => void seen.pauses.push({ tenant: tenant ?? "*", scope, name, since: now, actor, reason }),
    resume: async (tenant, scope, name) => {
      seen.pauses = seen.pauses.filter((each) => !hold({ tenant: tenant ?? "*", scope, name })(each));
    },
    pauses: async (tenant) => seen.pauses.filter((each) => tenant === null || each.tenant === "*" || each.tenant === tenant),
    replays: replaysOn(seen, now),
  };
}

const letter = { state: "dead", reason: "503", group: "g1", attempt: 5, at: now, diedAt: now } as const;

const blankJob: JobDetail = {
  trace: null,
  id: "",
  type: "note",
  version: 1,
  queue: "events",
  state: "queued",
  attempt: 0,
  maxAttempts: 5,
  runs: 0,
  siteId: null,
  at: now,
  due: null,
  reason: null,
  gate: null,
  dryRun: false,
  cancelling: false,
  startedAt: null,
  endedAt: null,
  progress: null,
  seq: 0,
  revision: 0,
  pinnedAt: now,
  doubt: false,
  parent: null,
  parentJob: null,
  payload: JSON.stringify({ text: "anna@example.com", count: 3 }),
  ref: null,
  result: null,
  resultRef: null,
  timeline: [{ at: now, event: "enqueued", detail: null, ms: null, times: 1, lastAt: now }],
  effects: [],
  entities: ["order:7"],
  children: { total: 0, byState: {}, more: false },
};
