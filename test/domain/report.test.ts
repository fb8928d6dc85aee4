import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { createReportsOn } from "../../src/app/reports";
import type { GateView } from "../../src/domain/gates/model";
import { percentile95 } from "../../src/domain/report/flow";
import { inOrder } from "../../src/domain/report/model";
import { circuitSentence } from "../../src/domain/report/gate-why";
import { gateOf } from "../../src/domain/report/why";
import type { WorkerEnv } from "../../src/env";
import { type Division, statsBy } from "../../src/intake/stats-by";
import type { SpentDay } from "../../src/queue/memory";
import type { PauseView } from "../../src/ledger/pauses";
import { kindOf } from "../../src/ledger/failure-kind";
import { createQueries } from "../../src/ledger/queries";
import { createTicks } from "../../src/ledger/ticks";
import { emptyLedger } from "../support/invariants";
import { newJobs, noon } from "../support/rows";

const minute = 60_000;
let pauses: PauseView[];
let gates: GateView[];

const circuit: GateView = {
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

let spent: SpentDay | null = null;

const partsOn = (db: D1Database) => ({
  env: { DB: db } as WorkerEnv,
  now: () => noon,
  queries: createQueries(env.DB),
  pauses: async (tenant: string | null) => pauses.filter((pause) => tenant === null || pause.tenant === "*" || pause.tenant === tenant),
  gates: {
    list: async () => ({ gates, cursor: null }),
    named: async (_tenant: string, names: readonly string[]) => gates.filter(({ dependency }) => names.includes(dependency)),
  },
  registry: {
    find: (type: string) => ({ contract: { queues: [type === "sync-orders" ? "prestashop-sync" : "email-sending"] } }) as never,
    contracts: () => [],
  },
  workers: { polls: async () => new Map() },
  dayLimit: async () => spent,
});
const reports = createReportsOn(partsOn(env.DB));

const tables = ["failure_groups", "counters", "schedules", "shop_sites", "shop_unreadable", "agent_proposals", "shop_purchase_orders", "ticks"];

beforeEach(async () => {
  pauses = [];
  gates = [];
  spent = null;
  await emptyLedger();
  await env.DB.batch(tables.map((table) => env.DB.prepare(`DELETE FROM ${table}`)));
});

interface Given {
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
}

/** Rows as the ledger would hold them. */
async function given(tenant: string, count: number, changes: Given): Promise<string[]> {
  const rows = await newJobs(tenant, count);
  const { type = "email", queue = "email-sending", state = "queued", due = null, at = noon, gate = null, reason = null } = changes;
  const { started = null, ended = null, site = null, attempt = 0 } = changes;
  const insert = env.DB.prepare(
    `INSERT INTO jobs (tenant, id, type, version, queue, state, seq, max, at, due, gate, reason, started, ended, site, attempt, wake) VALUES (?, ?, ?, 1, ?, ?, 1, 8, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  await env.DB.batch(
    rows.map(({ id }) => insert.bind(tenant, id, type, queue, state, at, due, gate, reason, started, ended, site, attempt, gate === null ? due : noon)),
  );
  return rows.map(({ id }) => id);
}

async function whyOf(tenant: string, id: string) {
  const job = await createQueries(env.DB).job(tenant, id);
  if (!job) throw new Error("the job is there");
  return (await reports.why(tenant, [job]))[0];
}

const pause: PauseView = { scope: "queue", name: "email-sending", tenant: "acme", since: noon - 2 * 60 * minute, actor: "ana", reason: "provider migration" };

test("a circuit that was opened for wrong settings says why, and not what failed before", () => {
  const held = { ...circuit, failures: 0, refusal: { at: noon, reason: "resend: the key is not valid" } };
  expect(circuitSentence(held)).toContain("(resend: the key is not valid)");
  expect(circuitSentence({ ...held, refusal: null })).not.toContain("(");
  expect(circuitSentence(circuit)).toContain("after 5 failures in a row (mail API: host not found)");
});

describe("why a job does not run", () => {
  test("a paused queue: since when, by whom, why, and how to resume it", async () => {
    pauses = [pause];
    const [id = ""] = await given("acme", 1, { state: "waiting", gate: "pause/queue/email-sending", reason: "paused: queue/email-sending" });
    expect(await whyOf("acme", id)).toEqual({
      code: "paused",
      sentence: "The queue email-sending is paused since 2026-11-21T10:00:00Z by ana: provider migration.",
      since: pause.since,
      actions: [{ method: "POST", path: "/v1/queues/email-sending/resume", label: "Resume" }],
    });
  });

  test("a queue paused for all tenants: a tenant is offered nothing that would not lift it", async () => {
    pauses = [{ ...pause, tenant: "*" }];
    const [id = ""] = await given("acme", 1, { state: "waiting", gate: "pause/queue/email-sending", reason: "paused: queue/email-sending" });
    expect(await whyOf("acme", id)).toMatchObject({ code: "paused", actions: [] });
  });

  test("an open circuit: until when, after how many failures, of what, and who else waits", async () => {
    gates = [circuit];
    const [id = ""] = await given("acme", 1, { state: "waiting", reason: "mail: open", due: noon + 30_000 });
    const why = await whyOf("acme", id);
    expect(why).toMatchObject({ code: "circuit-open", until: noon + 30_000 });
    expect(why?.sentence).toBe(
      "The circuit of mail is open until 2026-11-21T12:00:30Z after 5 failures in a row (mail API: host not found); 213 jobs wait for it. One job will try then.",
    );
    expect(why?.actions.map(({ path }) => path)).toEqual(["/v1/gates/mail/probe", "/v1/gates/mail/reset"]);
  });

  test("a circuit that no failure opened: an older failure is not named as its cause", async () => {
    gates = [{ ...circuit, failures: 0 }];
    const [id = ""] = await given("acme", 1, { state: "waiting", reason: "mail: open", due: noon + 30_000 });
    const sentence = "The circuit of mail is open until 2026-11-21T12:00:30Z; 213 jobs wait for it. One job will try then.";
    expect((await whyOf("acme", id))?.sentence).toBe(sentence);
  });

  test.each([
    ["at-limit", { circuit: "closed", slots: { used: 4, max: 4 } }, "mail is at its limit, 4 of 4 at once; 213 jobs wait for it."],
    ["rate-limited", { circuit: "closed", rate: { perSecond: 2, available: 0.4 } }, "mail takes 2 a second; 213 jobs wait for it."],
    ["gate-unreachable", { circuit: "unknown" }, "The gate of mail does not answer; its jobs ask again by themselves."],
  ] as const)("%s", async (code, changes, sentence) => {
    gates = [{ ...circuit, ...changes }];
    const [id = ""] = await given("acme", 1, { state: "waiting", reason: "mail: concurrency", due: noon + 5000 });
    expect(await whyOf("acme", id)).toMatchObject({ code, sentence });
  });

  test.each([
    ["scheduled", { due: noon + minute }, "It is scheduled for 2026-11-21T12:01:00Z."],
    ["ready", {}, "It waits for its turn in the queue email-sending."],
    [
      "retrying",
      { state: "retrying", due: noon + minute, attempt: 2, reason: "mail API: 500" },
      "Attempt 2 of 8 failed: mail API: 500. The next one is at 2026-11-21T12:01:00Z.",
    ],
    ["waiting", { state: "waiting", due: noon + minute, reason: "mail API: 429" }, "mail API: 429."],
    ["dead", { state: "dead", ended: noon, attempt: 8, reason: "mail API: 500" }, "It failed 8 times: mail API: 500."],
    ["discarded", { state: "discarded", ended: noon, attempt: 0, reason: "no such template" }, "It failed for good: no such template."],
  ] as const)("%s", async (code, changes, sentence) => {
    const [id = ""] = await given("acme", 1, changes);
    expect(await whyOf("acme", id)).toMatchObject({ code, sentence });
  });

  test("a heavy tenant: the same sentence on the job and in the report, of low severity", async () => {
    await env.DB.prepare("INSERT INTO heavy_tenants (tenant, queue, since, seen) VALUES ('acme', 'email-sending', ?1, ?2), ('other', 'email-sending', ?1, ?2)")
      .bind(noon - 5 * minute, noon - minute + 1)
      .run();
    const [id = ""] = await given("acme", 3, {});
    const [elsewhere = ""] = await given("acme", 1, { type: "event", queue: "events" });
    const sentence =
      "The tenant acme is heavy on the queue email-sending since 2026-11-21T11:55:00Z: its jobs go by the queue overflow, so that those of others do not wait behind them.";
    expect(await whyOf("acme", id)).toEqual({ code: "tenant-heavy", sentence, since: noon - 5 * minute, actions: [] });
    expect(await whyOf("acme", elsewhere)).toMatchObject({ code: "ready" });
    const found = (await reports.findings("acme")).filter(({ code }) => code === "tenant-heavy");
    expect(found).toMatchObject([
      { severity: "info", sentence: `${sentence} 3 jobs wait for their turn.`, count: 3, subject: "queue/email-sending", tenant: "acme" },
    ]);
    await env.DB.exec("UPDATE heavy_tenants SET seen = seen - 1");
    expect(await whyOf("acme", id)).toMatchObject({ code: "ready" });
    await env.DB.exec("DELETE FROM heavy_tenants");
  });

  test("a pause of the queue overflow is the reason of what it holds", async () => {
    pauses = [{ ...pause, name: "overflow" }];
    const [id = ""] = await given("acme", 1, { state: "waiting", gate: "pause/queue/overflow", reason: "paused: queue/overflow" });
    expect(await whyOf("acme", id)).toMatchObject({ code: "paused" });
  });

  test("a paused site says why, for its own jobs only", async () => {
    await env.DB.prepare(
      `INSERT INTO shop_sites (tenant, site, connected, paused_at, paused_reason, probe_at) VALUES ('acme', 'main', 0, ?, 'The key is wrong (401).', 0)`,
    )
      .bind(noon)
      .run();
    const [own = "", other = ""] = [
      ...(await given("acme", 1, { type: "sync-orders", state: "waiting", site: "main", reason: "the site is paused" })),
      ...(await given("acme", 1, { type: "sync-orders", state: "waiting", site: "other", reason: "slow" })),
    ];
    expect(await whyOf("acme", own)).toMatchObject({ code: "site-paused", sentence: "The site main is paused: The key is wrong (401)." });
    expect(await whyOf("acme", other)).toMatchObject({ code: "waiting" });
  });

  test.each(["running", "done", "cancelled"] as const)("nothing for a job that is %s", async (state) => {
    const [id = ""] = await given("acme", 1, { state, ended: state === "running" ? null : noon });
    expect(await whyOf("acme", id)).toBeNull();
  });

  test("a reason that only resembles a gate's is no gate", () => {
    expect(gateOf({ gate: null, state: "waiting", reason: "Mail API: open" })).toBeUndefined();
    expect(gateOf({ gate: null, state: "retrying", reason: "mail: open" })).toBeUndefined();
    expect(gateOf({ gate: "pause/type/email", state: "waiting", reason: "" })).toBeUndefined();
    expect(gateOf({ gate: null, state: "waiting", reason: "shop:main: concurrency" })).toBe("shop:main");
  });
});

describe("flow", () => {
  test("counts jobs, not messages, and says what holds them", async () => {
    gates = [circuit];
    await given("acme", 213, { state: "waiting", gate: "mail", reason: "mail: open" });
    await given("acme", 2, { state: "running", started: noon });
    await given("acme", 3, {});
    await given("acme", 1, { due: noon + minute });
    await given("acme", 1, { state: "retrying", due: noon + minute, reason: "x" });
    await given("acme", 4, { state: "done", at: noon - 900, started: noon, ended: noon });
    await given("other", 9, {});
    await env.DB.prepare(`INSERT INTO counters (tenant, minute, type, event, n, ms) VALUES ('acme', ?, 'email', 'done', 10, 0)`).bind(noon).run();
    const flow = (await reports.flow("acme")).get("email-sending");
    expect(flow).toMatchObject({
      running: 2,
      ready: 3,
      held: 213,
      parked: 213,
      retrying: 1,
      scheduled: 1,
      donePerMinute: 2,
      health: "flowing",
      oldestReadyAt: noon,
    });
    expect(flow?.heldBy).toEqual([{ cause: "mail", count: 213 }]);
    expect((await reports.flow(null)).get("email-sending")).toMatchObject({ ready: 12 });
  });

  test("says why its jobs wait in the very sentence of the report and of each job", async () => {
    gates = [circuit];
    const [id = ""] = await given("acme", 213, { state: "waiting", gate: "mail", reason: "mail: open" });
    const sentence = circuitSentence(circuit);
    expect(sentence).toContain("213 jobs wait for it");
    const flow = (await reports.flow("acme")).get("email-sending")?.why;
    expect(flow).toMatchObject({ code: "circuit-open", sentence, since: noon - minute, until: noon + 30_000, tenant: "acme" });
    expect(flow?.actions.map(({ label }) => label)).toEqual(["Probe now", "Close the circuit"]);
    expect([(await whyOf("acme", id))?.sentence, (await reports.findings("acme"))[0]?.sentence]).toEqual([sentence, sentence]);
    await given("other", 1, { state: "waiting", gate: "chat", reason: "chat: open" });
    expect((await reports.flow(null)).get("email-sending")?.why).toMatchObject({ sentence, tenant: "acme" });
    expect((await reports.flow("acme")).get("prestashop-sync")?.why).toBeNull();
  });

  test("names the pause that holds most of its jobs, a gate that is free again, another reason, and how late it is", async () => {
    const why = async () => (await reports.flow("acme")).get("email-sending")?.why;
    await given("acme", 1, { at: noon - 2 * minute });
    expect((await why())?.sentence).toBe("The queue email-sending is behind: its oldest job waits since 2026-11-21T11:58:00Z.");
    await given("acme", 2, { at: noon - 20 * minute });
    expect((await why())?.sentence).toBe("3 jobs of the queue email-sending wait since 2026-11-21T11:40:00Z, and none has ended in the last 5 minutes.");
    await given("acme", 2, { state: "waiting", reason: "the budget of the month is used" });
    expect(await why()).toMatchObject({ code: "waiting", sentence: "2 jobs wait: the budget of the month is used." });
    gates = [{ ...circuit, circuit: "closed", openUntil: null }];
    await given("acme", 3, { state: "waiting", gate: "mail", reason: "mail: open" });
    expect((await why())?.sentence).toBe("3 jobs wait for mail, which lets jobs in again: they go on within the next minute.");
    await given("acme", 4, { state: "waiting", gate: "pause/type/email", reason: "paused: type/email" });
    pauses = [{ ...pause, scope: "type", name: "email" }];
    expect(await why()).toMatchObject({ code: "paused", sentence: "The type email is paused since 2026-11-21T10:00:00Z by ana: provider migration." });
    pauses = [pause];
    expect(await why()).toMatchObject({ sentence: "The queue email-sending is paused since 2026-11-21T10:00:00Z by ana: provider migration." });
  });

  test("a queue that is held, paused or behind says so", async () => {
    await given("acme", 1, { state: "waiting", gate: "mail" });
    expect((await reports.flow("acme")).get("email-sending")?.health).toBe("held");
    await given("acme", 1, { at: noon - 2 * minute });
    expect((await reports.flow("acme")).get("email-sending")?.health).toBe("behind");
    pauses = [pause];
    expect((await reports.flow("acme")).get("email-sending")?.health).toBe("paused");
    expect((await reports.flow("acme")).get("prestashop-sync")?.health).toBe("idle");
  });

  test("the 95th percentile is one of the values", () => {
    expect([percentile95([]), percentile95([7]), percentile95(Array.from({ length: 100 }, (_, index) => index + 1))]).toEqual([null, 7, 95]);
  });
});

describe("the report", () => {
  const codes = async (tenant: string | null) => (await reports.findings(tenant)).map(({ code, severity, count, subject }) => [code, severity, count, subject]);

  test("is empty when all is well", async () => {
    await given("acme", 5, {});
    expect(await reports.findings("acme")).toEqual([]);
  });

  test("orders findings by harm, each with its own numbers", async () => {
    pauses = [pause];
    gates = [circuit];
    await given("acme", 3, { state: "retrying", due: noon + minute, reason: "mail API: 500" });
    await given("acme", 7, { state: "waiting", gate: "pause/queue/email-sending" });
    const letter = env.DB.prepare(
      `INSERT INTO dead_letters (tenant, died, id, type, state, reason, kind, attempt, at) VALUES ('acme', ?, ?, 'email', 'dead', 'no template', 'g1', 1, 0)`,
    );
    await env.DB.batch([letter.bind(noon - minute, "a"), letter.bind(noon - 2 * minute, "b")]);
    expect(await codes("acme")).toEqual([
      ["circuit-open", "critical", 213, "gate/mail"],
      ["failed", "critical", 2, "group/g1"],
      ["paused", "warning", 7, "queue/email-sending"],
      ["retrying", "warning", 3, "type/email"],
    ]);
    expect(await codes("other")).toEqual([["circuit-open", "critical", 213, "gate/mail"]]);
    expect(await reports.findings("acme")).toEqual(await reports.findings("acme"));
  });

  test("what is tried again is no finding while its failure is resolved or ignored", async () => {
    const reason = 'there is no template "order-7"';
    await given("acme", 3, { state: "retrying", due: noon + minute, reason });
    expect(await codes("acme")).toEqual([["retrying", "warning", 3, "type/email"]]);
    await env.DB.prepare(
      `INSERT INTO failure_groups (tenant, grp, type, title, first_at, last_at, total, hours, status) VALUES ('acme', ?, 'email', '', 0, 0, 3, '{}', 'ignored')`,
    )
      .bind(await kindOf("email", reason))
      .run();
    expect(await codes("acme")).toEqual([]);
    await env.DB.prepare(`UPDATE failure_groups SET status = 'open'`).run();
    expect(await codes("acme")).toHaveLength(1);
  });

  test("a pause is one at once, of low severity", async () => {
    pauses = [{ ...pause, since: noon - minute }];
    expect(await codes("acme")).toEqual([["paused", "info", 0, "queue/email-sending"]]);
  });

  test("ready jobs of which none ends are stuck; behind when others end", async () => {
    await given("acme", 12, { at: noon - 20 * minute });
    expect(await codes("acme")).toEqual([["stuck", "critical", 12, "queue/email-sending"]]);
    await env.DB.prepare(`INSERT INTO counters (tenant, minute, type, event, n, ms) VALUES ('acme', ?, 'email', 'done', 1, 0)`).bind(noon).run();
    expect(await codes("acme")).toEqual([["behind", "warning", 12, "queue/email-sending"]]);
  });

  test("schedules that did not run, sites, unreadable rows and approvals", async () => {
    await env.DB.batch([
      env.DB.prepare(
        `INSERT INTO schedules (tenant, name, type, payload, cron, zone, misfire, overlap, spread_seconds, enabled, created_at, updated_at, last_planned_at, last_outcome, last_note)
         VALUES ('acme', 'weekly', 'email', '{}', '0 7 * * 1', 'UTC', 'once', 'skip', 0, 1, 0, 0, ?, 'failed', 'The template is missing.')`,
      ).bind(noon),
      env.DB.prepare(
        `INSERT INTO shop_sites (tenant, site, connected, paused_at, paused_reason) VALUES ('acme', 'main', 0, ?, 'The key is wrong (401).')`,
      ).bind(noon),
      env.DB.prepare(`INSERT INTO shop_unreadable (tenant, site, resource, id, reason, since, looked_at) VALUES ('acme', 'main', 'orders', 1, 'x', ?, 0)`).bind(
        noon,
      ),
      env.DB.prepare(
        `INSERT INTO agent_proposals (tenant, job, revision, step, place, agent, tool, body, state, asked_at, expires_at) VALUES ('acme', 'j', 0, 1, 1, 'sync-doctor', 't', '{}', 'pending', ?, 0)`,
      ).bind(noon),
    ]);
    expect(await codes("acme")).toEqual([
      ["schedule-failed", "critical", 1, "schedule/weekly"],
      ["site-paused", "critical", 1, "site/main"],
      ["site-unreadable", "warning", 1, "site/main"],
      ["approval", "info", 1, "agent/sync-doctor"],
    ]);
    expect(await reports.findings("other")).toEqual([]);
  });

  test("the installation's own report knows the tick; a tenant's does not", async () => {
    expect(await codes(null)).toEqual([["tick-silent", "critical", 1, "tick"]]);
    await createTicks(env.DB).record([
      { step: "sweep", outcome: "done", at: noon, ms: 1, detail: null },
      { step: "alerts", outcome: "failed", at: noon, ms: 1, detail: "x" },
    ]);
    expect(await codes(null)).toEqual([["tick-failing", "critical", 1, "tick/alerts"]]);
    expect(await codes("acme")).toEqual([]);
  });

  test("the order does not depend on the order of the facts", () => {
    const finding = { code: "a", sentence: "", since: null, tenant: "acme", actions: [] };
    const all = [
      { ...finding, severity: "info" as const, count: 9, subject: "x" },
      { ...finding, severity: "critical" as const, count: 1, subject: "y" },
      { ...finding, severity: "critical" as const, count: 1, subject: "x" },
      { ...finding, severity: "critical" as const, count: 2, subject: "z" },
    ];
    expect(inOrder(all)).toEqual(inOrder(all.toReversed()));
    expect(inOrder(all).map(({ subject }) => subject)).toEqual(["z", "x", "y", "x"]);
  });
});

describe("statistics by one thing", () => {
  const deps = { db: env.DB, reports, registry: { find: () => undefined } } as never;
  const by = async (division: Division, tenant: string | null) =>
    (await statsBy(deps, division, tenant, [{ minute: noon, type: "email", event: "done", count: 3, ms: 30 }], { from: 0, to: noon + 60_000 })).map(
      ({ name, events, open }) => [name, events, open.ready],
    );

  test("tenant, queue, type and site: what became of jobs, and what the open ones do", async () => {
    await given("acme", 2, { site: "main" });
    await given("acme", 1, { site: "main", state: "done", started: noon - 10, ended: noon });
    await given("other", 1, {});
    const counter = env.DB.prepare(`INSERT INTO counters (tenant, minute, type, event, n, ms) VALUES (?, ?, 'email', 'done', 3, 30)`);
    await env.DB.batch([counter.bind("acme", noon), counter.bind("other", noon)]);
    expect(await by("tenant", null)).toEqual([
      ["acme", { done: 3 }, 2],
      ["other", { done: 3 }, 1],
    ]);
    expect(await by("tenant", "other")).toEqual([["other", { done: 3 }, 1]]);
    expect(await by("site", "acme")).toEqual([["main", { queued: 2, done: 1 }, 2]]);
    expect(await by("type", "acme")).toEqual([["email", { done: 3 }, 2]]);
    expect((await by("queue", "acme"))[0]).toEqual(["email-sending", {}, 2]);
  });
});

describe("the limit of D1's free plan for a day", () => {
  const text = (what: string) => `D1_ERROR: Your account has exceeded D1's free tier daily row ${what} limit. Upgrade to a paid plan or wait until tomorrow`;
  const refusing = (message: string) => ({ prepare: () => ({ bind: () => ({ all: () => Promise.reject(new Error(message)) }) }) }) as unknown as D1Database;

  test("that is used up for writes is one finding, until when", async () => {
    spent = { limit: "write", since: noon - 20 * minute, seen: noon - minute };
    const found = (await reports.findings(null)).filter(({ code }) => code === "d1-day-limit");
    expect(found).toMatchObject([
      { severity: "critical", subject: "d1", tenant: "*", since: noon - 20 * minute, sentence: expect.stringContaining("T00:00:00Z") },
    ]);
  });

  test("is no finding any more when no refusal was seen for ten minutes", async () => {
    spent = { limit: "write", since: noon - 60 * minute, seen: noon - 11 * minute };
    expect((await reports.findings(null)).filter(({ code }) => code === "d1-day-limit")).toEqual([]);
  });

  test("that is used up for reads is all that can be told; another failure stays one", async () => {
    const unreadable = createReportsOn(partsOn(refusing(text("read"))));
    expect(await unreadable.findings(null)).toMatchObject([{ code: "d1-day-limit", sentence: expect.stringContaining("read in a day") }]);
    await expect(createReportsOn(partsOn(refusing("D1_ERROR: D1 is down"))).findings(null)).rejects.toThrow("D1 is down");
  });
});
