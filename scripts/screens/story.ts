import { type Answers, answersOf } from "../../test/dashboard/answers.ts";
import { nightJobs } from "./night-jobs.ts";

/** A night at a tenant with two shops: the mail provider is down, a sync runs, a template is missing. */
export function story(now: number): Answers {
  const { at, id, circuit, circuitWhy, gateActions, paused, held, jobs } = nightJobs(now);
  const flow = {
    types: ["email"],
    backlog: null,
    bytes: null,
    oldestAt: null,
    running: 0,
    ready: 0,
    held: 0,
    parked: 0,
    retrying: 0,
    scheduled: 0,
    oldestReadyAt: null,
  };
  const queue = (name: string, own: object) => ({
    ...flow,
    queue: name,
    donePerMinute: 0,
    failedPerMinute: 0,
    waitP95Ms: null,
    health: "idle",
    heldBy: [],
    why: null,
    paused: false,
    ...own,
  });
  const entry = (minutes: number, event: string) => ({ at: at(minutes), event, detail: null, startedAt: null, ms: null, times: 1, lastAt: at(minutes) });
  const failing = (group: string, type: string, title: string, own: object) => ({
    ...{ group, tenant: "demo", type, title, reason: title, firstAt: at(99), lastAt: at(3), total: 60, retrying: 0, dead: 0, isNew: false, status: "open" },
    ...{ trend: Array.from({ length: 24 }, (_, hour) => (hour < 18 ? (hour % 5 === 0 ? 1 : 0) : hour - 16)), untilCount: null, sinceCount: 0, note: null },
    ...{ actor: null, statusAt: null, ...own },
  });
  const replayed = (id: string, own: object) => ({
    ...{ id, tenant: "demo", state: "running", reason: null, total: 0, sent: 0, succeeded: 0, failedAgain: 0, cancelled: 0, open: 0, failed: 0 },
    ...{ unsent: 0, resumed: null },
    ...{ canary: 5, examples: [], at: at(3), endedAt: null, ratePerMinute: 20, filter: null, ids: null, patched: [], actor: "root", actorName: null, ...own },
  });
  const costs = (share: number) =>
    Object.entries({ email: 9.1, "sync-orders": 4.6, image: 2.2, webhook: 0.9, analytics: 0.5 }).map(([name, usd]) => ({
      ...{ name, usd: usd * share, jobs: Math.round(usd * share * 210_000) },
    }));
  const events = Array.from({ length: 60 }, (_, minute) => ({
    minute: at(59 - minute),
    type: "email",
    event: "done",
    count: Math.round(20 + 14 * Math.sin(minute / 6) + (minute % 7)),
    ms: 0,
  }));
  const base = answersOf({ rows: 2, text: "shop-north", now });
  return {
    ...base,
    "GET /v1/report": {
      ok: false,
      findings: [
        { code: "circuit-open", severity: "critical", sentence: circuit, since: at(9), count: 213, subject: "gate/mail", tenant: "demo", actions: gateActions },
        {
          ...{
            code: "failed",
            severity: "warning",
            sentence: "24 email jobs failed for good: There is no template of the name report",
            since: at(41),
            count: 24,
            subject: "group/a1",
            tenant: "demo",
          },
          actions: [{ method: "GET", path: "/v1/failures/g0", label: "Look" }],
        },
        {
          ...{
            code: "paused",
            severity: "info",
            sentence: `${paused} 15 jobs wait for it.`,
            since: at(40),
            count: 15,
          },
          ...{ subject: "queue/analytics-events", tenant: "demo", actions: [{ method: "POST", path: "/v1/queues/analytics-events/resume", label: "Resume" }] },
        },
      ],
    },
    "GET /v1/queues": {
      queues: [
        queue("prestashop-sync", { types: ["sync-orders"], running: 1, donePerMinute: 0.4, waitP95Ms: 840, health: "flowing" }),
        queue("email-sending", {
          held: 213,
          parked: 113,
          scheduled: 6,
          failedPerMinute: 1.2,
          health: "held",
          heldBy: [{ cause: "mail", count: 213 }],
          why: circuitWhy,
        }),
        queue("image-processing", { types: ["image"], ready: 3, running: 2, donePerMinute: 31.5, waitP95Ms: 410, health: "flowing", oldestReadyAt: at(0.1) }),
        queue("deliveries", { types: ["webhook"], retrying: 12, donePerMinute: 8, failedPerMinute: 2.4, waitP95Ms: 1210, health: "flowing" }),
        queue("analytics-events", {
          types: ["analytics"],
          held: 15,
          parked: 15,
          health: "paused",
          heldBy: [{ cause: "pause/queue/analytics-events", count: 15 }],
          why: { code: "paused", sentence: paused, since: at(40), tenant: "demo", actions: [] },
          paused: true,
        }),
        queue("events", {}),
        queue("lead-submissions", {}),
        queue("email-bulk", {}),
      ],
    },
    "GET /v1/stats": {
      from: at(60),
      to: at(0),
      totals: {},
      deploys: [{ version: "5f25e9c0-2b1d-4c7a-9e3f-0a1b2c3d4e5f", tag: "release-42", at: at(45) }],
      minutes: [...events, { minute: at(41), type: "email", event: "discarded", count: 24, ms: 0 }],
      backlog: { deadLetters: 24, discarded: 3, parked: 128, due: 18 },
      groups: [{ name: "email", events: {}, open: { running: 3, ready: 3, held: 100, parked: 128, retrying: 12, scheduled: 6 }, ms: 0 }],
    },
    "GET /v1/jobs": ({ state }: { state?: string }) => ({ jobs: state ? jobs.filter((each) => each.state === state) : jobs, cursor: state ? null : "older" }),
    [`GET /v1/jobs/${id(2)}`]: {
      ...held(2),
      at: at(9),
      timeline: [
        entry(9, "queued"),
        { ...entry(8.8, "running"), startedAt: at(8.8) },
        { ...entry(8.7, "retry"), detail: "mail API: 503", startedAt: at(8.8), ms: 6200 },
        { ...entry(7.4, "waiting"), detail: "mail: open", times: 12, lastAt: at(0.4) },
      ],
      ...{
        effects: [{ key: "send", revision: 0, state: "uncertain", at: at(8.7) }],
        payload: { to: "•••", templateId: "order-confirmation", variables: "•••" },
        parent: null,
        parentJob: null,
        children: { total: 0, byState: {}, more: false },
        replays: [],
        revision: 0,
        doubt: false,
        templateVersion: 3,
        entities: ["order:7041"],
        failure: null,
        revealed: false,
      },
    },
    "GET /v1/failures": {
      failures: [
        failing("g0", "email", "There is no template of the name report", { dead: 24, firstAt: at(41), isNew: true }),
        failing("g1", "webhook", "HTTP 502", { retrying: 12, firstAt: at(1440) }),
        failing("g2", "lead", "CRM: 401, the key is not valid", { dead: 2, firstAt: at(300), lastAt: at(180) }),
      ],
      cursor: null,
      deploy: { version: "5f1c2d", tag: "v0.1", at: at(55) },
    },
    "GET /v1/replays": {
      replays: [
        replayed("r1", {
          ...{ total: 213, sent: 65, succeeded: 60, open: 5, unsent: 148, filter: { type: "email", from: at(300) }, actorName: "ana" },
        }),
        replayed("r2", {
          ...{
            state: "stopped",
            reason: "5 of the first 5 jobs failed again; the others were not sent",
            total: 24,
            sent: 5,
            failedAgain: 5,
            unsent: 19,
            at: at(60),
          },
          ...{ endedAt: at(58), filter: { group: "g0" }, ratePerMinute: null, actorName: "night shift" },
        }),
        replayed("r3", { state: "done", total: 2, sent: 2, succeeded: 2, at: at(400), endedAt: at(399), ids: 2, patched: ["siteId"], ratePerMinute: null }),
      ],
      cursor: null,
    },
    "POST /v1/replays": () => ({
      ...{
        total: 24,
        byType: { email: 24 },
        refused: [],
        checked: 24,
        more: false,
        effects: { done: 0, inDoubt: 0 },
        providerCalls: 24,
        usd: 0.00021,
        running: [],
      },
    }),
    "GET /v1/costs": {
      ...{ currency: "USD", estimated: true, pricesAsOf: "2026-10", models: { usd: 1.84 } },
      today: { usd: 0.42, byType: costs(0.02), byTenant: [] },
      month: { usd: 17.3, byType: costs(1), byTenant: [] },
      budget: { usdPerMonth: 20, spent: 17.3, state: "near" },
    },
    "GET /v1/alert-rules": {
      builtIn: { inForce: false, minSeverity: "warning", slack: true, email: [], unconnected: [] },
      rules: [
        {
          ...{ name: "night", minSeverity: "critical", slack: true, email: ["oncall@example.com"], enabled: true, created: at(9999), updated: at(99) },
          codes: ["circuit-open", "stuck", "failed"],
          unconnected: [],
        },
      ],
    },
    "GET /v1/alerts": {
      alerts: [
        {
          ...{
            cause: "finding/critical/circuit-open/gate/mail",
            state: "open",
            subject: "gate/mail",
            reason: circuit,
            count: 213,
            since: at(9),
            lastAt: at(1),
          },
          ...{ toldAt: at(8), via: ["slack", "email"], recoveredAt: null },
          ...{ sentence: circuit, actions: [], url: "/t/demo/flow", notSeenSince: null },
        },
      ],
    },
    "GET /v1/pauses": {
      pauses: [{ scope: "queue", name: "analytics-events", tenant: "demo", since: at(40), actor: "t0", actorName: "ana", reason: "provider migration" }],
    },
    "GET /v1/gates": {
      gates: [
        {
          dependency: "mail",
          circuit: "open",
          openUntil: at(-2),
          failures: 5,
          slots: { used: 0, max: 8 },
          rate: { perSecond: 10, available: 10 },
          held: 100,
          parked: 113,
          lastFailure: { at: at(0.4), reason: "mail API: host not found" },
          why: circuitWhy,
        },
        {
          dependency: "shop:shop-north",
          circuit: "closed",
          openUntil: null,
          failures: 0,
          slots: { used: 1, max: 2 },
          rate: null,
          held: 0,
          parked: 0,
          lastFailure: null,
          why: null,
        },
      ],
      cursor: null,
    },
    "GET /v1/types": {
      types: ["email", "sync-orders", "image", "webhook"].map((type) => ({
        type,
        version: 1,
        queues: ["email-sending"],
        aliases: [],
        policy: { maxAttempts: 8, concurrency: 10 },
        payload: {},
        paused: false,
      })),
    },
    "GET /v1/schedules": {
      schedules: ["shop-north", "shop-south"].map((site, index) => ({
        ...{
          name: `orders-${site}`,
          type: "sync-orders",
          payload: {},
          cron: "0 */3 * * *",
          words: "On the hour, every 3 hours",
          timezone: "Europe/Berlin",
          misfire: "once",
          overlap: "skip",
          spreadSeconds: 1800,
        },
        ...{
          enabled: true,
          siteId: site,
          createdAt: at(9999),
          updatedAt: at(9999),
          last: {
            plannedAt: at(60 + index),
            outcome: index === 0 ? "ran" : "skipped",
            note: index === 0 ? "" : "The run before it has not ended.",
            jobId: null,
          },
        },
        why: null,
        pastRuns: ["done", index === 0 ? "done" : null, "dead", "done", "done"].map((state, run) => ({ plannedAt: at(60 + 180 * run), jobId: id(run), state })),
        nextRuns: [120, 300, 480].map((minutes) => ({
          at: at(-minutes - index),
          local: new Date(now + 60 * 60_000 * (1 + minutes / 60)).toISOString().replace("Z", "+01:00"),
        })),
      })),
    },
  };
}

export const storyJob = "01jyc3k02m51r1xygt074f";
