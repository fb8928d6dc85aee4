import { type Answer, type FakeApi, problem } from "./fake-api";

/** Text as a hostile customer or provider would send it. */
export const hostile = `<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>`;
export const jobId = "01jyzzzzzzzzzzzzzzzzzzzz42";

const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();

const summary = {
  id: jobId,
  type: "email",
  state: "retrying",
  attempt: 2,
  maxAttempts: 5,
  progress: { done: 3, total: 12, note: "page 3" },
  waitingFor: hostile,
  queue: "email-sending",
  siteId: "shop-1",
  runs: 3,
  gate: null,
  dryRun: false,
  cancelling: false,
  at: ago(9),
  runAt: new Date(Date.now() + 90_000).toISOString(),
  startedAt: ago(8),
  endedAt: null,
};

export const job = {
  ...summary,
  timeline: [
    { at: ago(9), event: "enqueued", detail: null },
    { at: ago(8), event: "retrying", detail: hostile },
  ],
  effects: [{ key: "send", revision: 0, state: "done", at: ago(7), result: { id: hostile } }],
  payload: { to: "•••", subject: hostile },
  parent: null,
  revision: 0,
  templateVersion: 3,
  entities: ["order:7"],
  revealed: false,
};

const letter = {
  id: jobId,
  type: "lead",
  state: "dead",
  siteId: null,
  reason: hostile,
  group: "g1",
  attempt: 5,
  at: ago(50),
  diedAt: ago(3),
};

const schedule = {
  name: "nightly",
  type: "sync-orders",
  payload: { lastDays: 1 },
  cron: "30 2 * * *",
  zone: "Europe/Berlin",
  misfire: "once",
  overlap: "skip",
  spreadSeconds: 0,
  enabled: true,
  siteId: hostile,
  createdAt: ago(99),
  updatedAt: ago(99),
  last: { plannedAt: ago(60), outcome: "failed", note: hostile, jobId },
  nextRuns: [25, 26, 27, 28, 29].map((day) => ({ at: `2026-12-${day}T01:30:00.000Z`, local: `2026-12-${day}T02:30:00+01:00` })),
};

const outcomes = { reason: null, sent: 2, replayed: 2, succeeded: 1, failedAgain: 1, cancelled: 0, open: 0, canary: 5, examples: [] };
const replayed = { id: "r1", state: "running", total: 7, ...outcomes, failed: 1, at: ago(0), endedAt: null, ratePerMinute: 60 };

export const stats = () => ({
  from: ago(60),
  to: ago(0),
  totals: {},
  minutes: [
    { minute: ago(30), type: "email", event: "enqueued", count: 1234, ms: 0 },
    { minute: ago(30), type: "email", event: "done", count: 1200, ms: 60_000 },
    { minute: ago(12), type: hostile, event: "dead", count: 3, ms: 900 },
  ],
  backlog: { deadLetters: 7, parked: 0, due: 2 },
});

/** The answers of a tenant with a bit of everything; queues and dead letters change when they are acted upon. */
export function answers(): Record<string, Answer> {
  let paused = false;
  const hold = (value: boolean) => () => {
    paused = value;
    return { scope: "queue", name: "email-sending", tenant: "demo", paused };
  };
  return {
    "GET /v1/stats": stats,
    "GET /v1/jobs": ({ query }: FakeApi["calls"][number]) => {
      if (query["state"] === "dead") return { jobs: [], cursor: null };
      const second = query["cursor"] === "page+2/=";
      return { jobs: [second ? { ...summary, type: "image" } : summary], cursor: second ? null : "page+2/=" };
    },
    [`GET /v1/jobs/${jobId}`]: ({ query }: FakeApi["calls"][number]) =>
      query["reveal"] === "1" ? { ...job, payload: { to: "ann@example.org" }, revealed: true } : job,
    [`POST /v1/jobs/${jobId}/retry`]: { id: jobId, state: "queued" },
    [`POST /v1/jobs/${jobId}/cancel`]: () => problem(409, "conflict", "The job has ended: it is done."),
    "GET /v1/dead-letters": { deadLetters: [letter], cursor: null },
    "GET /v1/dead-letters/groups": {
      groups: [{ group: "g1", type: "lead", reason: hostile, count: 7, firstAt: ago(50), lastAt: ago(3), examples: [jobId] }],
    },
    "POST /v1/replays": ({ body }: FakeApi["calls"][number]) =>
      (body as { plan?: boolean }).plan ? { total: 7, byType: { lead: 7 }, refused: [], effects: { done: 0, inDoubt: 0 }, providerCalls: 7 } : replayed,
    "GET /v1/replays/r1": replayed,
    "POST /v1/replays/r1/abort": { ...replayed, state: "stopped" },
    "GET /v1/queues": () => ({ queues: [{ queue: "email-sending", types: ["email"], backlog: 12, bytes: 900, oldestAt: ago(1), paused }] }),
    "POST /v1/queues/email-sending/pause": hold(true),
    "POST /v1/queues/email-sending/resume": hold(false),
    "GET /v1/schedules": { schedules: [schedule] },
  };
}
