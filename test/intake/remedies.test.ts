import { describe, expect, test } from "vitest";
import { pageActions } from "../../src/dashboard/actions";
import { actionFields } from "../../src/dashboard/action";
import { approvalReason } from "../../src/domain/agents/approval";
import { paidPlanLimit } from "../../src/domain/installation/ledger-size";
import type { ReportFacts } from "../../src/domain/report/facts";
import { finders } from "../../src/domain/report/findings";
import type { RemedyCall } from "../../src/domain/report/model";
import { gateActions } from "../../src/domain/report/gate-why";
import { paused, whyOf } from "../../src/domain/report/why";
import { routes } from "../../src/intake/routes";
import type { JobView } from "../../src/ledger/views";
import { validate } from "../../src/queue/validate";

const now = Date.UTC(2026, 10, 21, 12);
const tenant = "acme";
const gate = {
  ...{ tenant, dependency: "mail", circuit: "open" as const, openUntil: now, failures: 5, slots: { used: 0, max: 4 }, rate: null, held: 3, parked: 1 },
  lastFailure: { at: now, reason: "host not found" },
};
const pauses = (["queue", "type", "tenant"] as const).map((scope) => ({ scope, name: "email", tenant, since: now, actor: "ana", reason: null }));
const open = { tenant, queue: "events", type: "email", site: null, kind: "retrying" as const, cause: "mail API: 500", count: 5, oldestAt: 0, example: "x" };

/** Facts from which every finding follows. */
const facts: ReportFacts = {
  now,
  pauses,
  open: [open, { ...open, kind: "ready" }],
  // Of a type that is not paused: these gain by an attempt at once.
  retrying: [{ ...open, type: "webhook", group: "b".repeat(16) }],
  circuits: new Map(),
  gates: [gate],
  heavy: [{ tenant, queue: "events", since: now }],
  ended: new Map(),
  steps: ["sweep", "heartbeat"].map((step) => ({ step, outcome: "failed", at: now, detail: "x" })),
  campaigns: [
    {
      ...{
        tenant,
        id: "c1",
        name: "News",
        state: "running",
        started: now,
        ended: null,
        total: 500,
        sent: 0,
        failed: 40,
        acknowledged: null,
        acknowledgedSeverity: null,
        reason: "x",
      },
      ...{ stalled: 60, stalledReason: "x", stalledSince: now, attempts: 1, jobReason: null, left: 460 },
    },
  ],
  budgets: [{ tenant, usdPerMonth: 1, spent: 2 }],
  installation: true,
  ledgerBytes: 9_700_000_000,
  ledgerLimit: paidPlanLimit,
  unpolled: [{ tenant, type: "remote-demo", count: 2, since: null, oldestAt: now }],
  groups: [{ tenant, group: "a".repeat(16), type: "email", reason: "no template", count: 2, atLeast: false, inDoubt: 0, firstAt: now, lastAt: now }],
  settled: [],
  schedules: [{ tenant, name: "nightly", outcome: "failed", note: "no", plannedAt: now }],
  sites: [{ tenant, site: "main", reason: "401", since: now }],
  unreadable: [{ tenant, site: "main", count: 2, since: now }],
  proposals: [{ tenant, agent: "sync-doctor", count: 1, since: now }],
  purchaseOrders: [{ tenant, site: "main", count: 1, since: now }],
  retired: [{ tenant, kind: "destination", name: "pager", reason: "410 gone", since: now }],
};

const job: JobView = {
  ...{
    id: "0123456789abcdefghjkmnpqrstvwxyz01",
    type: "email",
    version: 1,
    queue: "events",
    state: "queued",
    attempt: 0,
    maxAttempts: 8,
    runs: 0,
    siteId: "main",
  },
  ...{ at: now, due: null, reason: null, gate: null, dryRun: false, cancelling: false, startedAt: null, endedAt: null, progress: null },
};
const around = {
  now,
  pauses: [],
  gates: new Map([["mail", gate]]),
  pausedSites: new Map(),
  unpolled: new Map<string, number | null>(),
  heavy: [],
  doubts: new Map(),
};
const whys = [
  whyOf(tenant, { ...job, state: "dead", reason: "x", endedAt: now }, around),
  whyOf(tenant, { ...job, state: "retrying", reason: "x", due: now + 1 }, around),
  whyOf(tenant, { ...job, state: "waiting", reason: "x" }, around),
  whyOf(tenant, { ...job, due: now + 1 }, around),
  whyOf(tenant, { ...job, type: "agent", state: "waiting", reason: approvalReason("save"), due: now + 1 }, around),
  whyOf(tenant, { ...job, state: "waiting", gate: "mail", reason: "mail: open" }, around),
  whyOf(tenant, { ...job, state: "waiting", reason: "x" }, { ...around, pausedSites: new Map([[`${tenant} main`, { reason: "401", since: now }]]) }),
  whyOf(tenant, job, { ...around, unpolled: new Map([["email", null]]) }),
  whyOf(tenant, job, { ...around, heavy: [{ tenant, queue: "events", since: now }] }),
  ...pauses.map((each) => paused(each, null)),
];

const found = finders.flatMap((find) => find(facts));
const offered: RemedyCall[] = [...found, ...whys].flatMap((each) => [...(each?.actions ?? [])]).concat(gateActions("mail"));

function routeOf({ method, path }: Pick<RemedyCall, "method" | "path">) {
  const [address = ""] = path.split("?");
  return routes.find((route) => route.method === method && actionFields(route, address) !== undefined);
}

describe("what an operator is offered", () => {
  test("is there for every kind of finding", () => {
    const codes = new Set(found.map(({ code }) => code));
    const all =
      "tick-failing paused circuit-open stuck failed retrying campaign-failed campaign-stalled schedule-failed site-paused site-unreadable receiver-off no-worker budget approval tenant-heavy heartbeat-failing ledger-full";
    expect(codes).toEqual(new Set(all.split(" ")));
  });

  test.each([...new Map(offered.map((action) => [`${action.method} ${action.path}`, action])).values()])("$method $path is a route", (action) => {
    const route = routeOf(action);
    expect(route, `${action.method} ${action.path}`).toBeDefined();
    const query = Object.fromEntries(new URLSearchParams(action.path.split("?")[1]));
    if (Object.keys(query).length > 0) expect(() => validate(route?.query as never, query, "")).not.toThrow();
    if (action.body) expect(() => validate(route?.body?.schema as never, action.body, "")).not.toThrow();
    else if (route?.body && !route.body.optional) throw new Error("the call needs a body and carries none");
  });

  test.each(pageActions)("the page's action $name is a route of the same scope", ({ method, path, scope }) => {
    const route = routes.find((each) => each.method === method && each.path.replace("+", "") === path);
    expect(route && [route.method, route.path, route.scope]).toEqual([method, route?.path, scope]);
  });
});
