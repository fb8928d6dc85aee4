import { flow } from "./flow-answers";
import { settings } from "./settings";

/** Answers of the public interface for tests of the pages: as many rows as asked for, and a text of one's choice in every field that holds one. */
export interface Filling {
  rows: number;
  text: string;
  now: number;
}

export type Query = Readonly<Record<string, string>>;
export type Answers = Record<string, unknown | ((query: Query, body: unknown) => unknown)>;

/** Text as a hostile customer or provider would send it. */
export const hostile = `<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'"&`;

export function idOf(index: number): string {
  return `01jy${String(index).padStart(20, "z")}42`;
}

const states = ["running", "queued", "waiting", "retrying", "dead", "done", "cancelled", "discarded"] as const;

export function answersOf({ rows, text, now }: Filling): Answers {
  const ago = (minutes: number) => new Date(now - minutes * 60_000).toISOString();
  const times = <Row>(make: (index: number) => Row) => Array.from({ length: rows }, (_, index) => make(index));
  const action = { method: "POST" as const, path: `/v1/jobs/${idOf(0)}/run-now`, label: "Run now" };
  const summary = (index: number) => {
    const state = states[index % states.length] ?? "done";
    const hasEnded = ["dead", "discarded", "done", "cancelled"].includes(state);
    return {
      id: idOf(index),
      type: text,
      state,
      attempt: 2,
      maxAttempts: 5,
      progress: { done: 3, total: 12, note: text, at: ago(1) },
      ...(state === "waiting" || state === "retrying" ? { waitingFor: text } : {}),
      ...(state === "dead" || state === "discarded" ? { error: text } : {}),
      queue: "email-sending",
      siteId: text,
      runs: 3,
      gate: null,
      dryRun: false,
      cancelling: false,
      at: ago(9),
      runAt: state === "retrying" ? new Date(now + 90_000).toISOString() : null,
      startedAt: ago(8),
      endedAt: hasEnded ? ago(1) : null,
      why:
        hasEnded || state === "running"
          ? null
          : { code: "waiting", sentence: `${text} until ${ago(-2).replace(/\.\d+/, "")}.`, since: ago(8), until: ago(-2), actions: [action] },
    };
  };
  const job = {
    ...summary(2),
    timeline: times((index) => ({
      at: ago(9 - index / 100),
      event: index % 2 === 0 ? "waiting" : text,
      detail: text,
      startedAt: null,
      ms: index % 3 === 0 ? 400 : null,
      times: 1 + (index % 2),
      lastAt: ago(8.9 - index / 100),
    })),
    effects: times((index) => ({
      key: `${text}${index}`,
      revision: 0,
      state: index === 0 ? "uncertain" : "done",
      at: ago(7),
      ...(index === 0 ? {} : { result: { id: text } }),
    })),
    payload: { to: "•••", [text]: text, list: times((index) => ({ index, text })) },
    result: { line: text },
    providerMessage: text,
    parent: idOf(3),
    parentJob: { type: text, state: "done" },
    children: { total: 7, byState: { done: 5, dead: 2 }, more: false },
    replays: ["r0"],
    revision: 0,
    doubt: true,
    templateVersion: 3,
    entities: [text],
    failure: "g0",
    revealed: false,
  };
  const policy = { maxAttempts: 5, backoff: { base: 1, cap: 60 }, timeout: 30, concurrency: 10, maxAge: 86_400, maxRuns: 50, uncertain: "ask" };
  const replay = (index: number) => ({
    ...{
      id: `r${index}`,
      tenant: "demo",
      state: "running",
      reason: index === 0 ? text : null,
      total: 7,
      sent: 5,
      succeeded: 2,
      failedAgain: 1,
      cancelled: 0,
      open: 2,
      unsent: 1,
    },
    ...{ replayed: 5, failed: 1, canary: 5, examples: times(idOf), at: ago(3), endedAt: null, ratePerMinute: 60 },
    ...{ filter: { type: text, q: text, group: "g0" }, ids: null, patched: [text], actor: text, actorName: null },
    resumed: index === 0 ? { at: ago(1), actor: text, actorName: text, reason: text, stoppedAt: ago(2) } : null,
  });
  const bulk = { id: "b0", action: "cancel", state: "running", total: 12, done: 5, failed: 1, at: ago(2), endedAt: null };
  const failure = (index: number) => ({
    ...{
      group: `g${index}`,
      tenant: "demo",
      type: text,
      title: text,
      reason: text,
      firstAt: ago(500),
      lastAt: ago(3),
      total: 70,
      trend: [...Array<number>(23).fill(0), 7],
    },
    ...{ retrying: 3, dead: 7, isNew: index === 0, status: index === 1 ? "ignored" : "open", untilCount: null, sinceCount: 0, note: text, actor: text },
    statusAt: ago(9),
  });
  const letters = times((index) => ({
    ...{ id: idOf(index), type: text, state: "dead", siteId: text, reason: text, group: "g0", attempt: 5, at: ago(50), diedAt: ago(3) },
  }));
  return {
    "GET /v1/report": {
      ok: rows === 0,
      findings: times((index) => ({
        code: "circuit-open",
        severity: index === 0 ? "critical" : "warning",
        sentence: `${text} since ${ago(5).replace(/\.\d+/, "")}.`,
        since: ago(5),
        count: 3,
        subject: `${text}${index}`,
        tenant: "demo",
        actions: [
          { method: "POST", path: "/v1/gates/mail/probe", label: "Probe now" },
          { method: "GET", path: "/v1/failures/g0", label: "Look" },
          { method: "GET", path: `javascript:${text}`, label: text },
        ],
      })),
    },
    "GET /v1/jobs": { jobs: times(summary), cursor: rows > 1 ? "page+2/=" : null },
    [`GET /v1/jobs/${idOf(2)}`]: (query: Query) => (query["reveal"] === "1" ? { ...job, payload: { to: "ann@example.org" }, revealed: true } : job),
    "GET /v1/types": {
      types: times((index) => ({
        type: index === 0 ? "email" : `${text}${index}`,
        version: 1,
        queues: [text],
        aliases: [],
        policy,
        payload: {},
        paused: false,
      })),
    },
    "GET /v1/dead-letters": { deadLetters: letters, cursor: rows > 1 ? "older" : null },
    "GET /v1/failures": { failures: times(failure), cursor: rows > 1 ? "1.older" : null, deploy: { version: "v1", tag: text, at: ago(90) } },
    "GET /v1/failures/g0": {
      ...{ ...failure(0), reason: text, inDoubt: 0, examples: [idOf(0)], sites: [{ siteId: text, count: 3 }], replays: times(replay) },
      deploy: null,
    },
    "POST /v1/jobs/effects": (_query: Query, body: unknown) => ({ settled: (body as { ids: string[] }).ids, left: [] }),
    "GET /v1/bulk-actions": { actions: times((index) => ({ ...bulk, id: `b${index}`, action: index === 0 ? "cancel" : "dismiss" })) },
    "GET /v1/bulk-actions/b0": bulk,
    "POST /v1/jobs/cancel": (_query: Query, body: unknown) => ((body as { plan?: boolean }).plan ? { total: 7, byType: { [text]: 7 }, more: false } : bulk),
    "POST /v1/jobs/run-now": (_query: Query, body: unknown) => ((body as { plan?: boolean }).plan ? { total: 7, byType: { [text]: 7 }, more: false } : bulk),
    "POST /v1/dead-letters/dismiss": (_query: Query, body: unknown) =>
      (body as { plan?: boolean }).plan ? { total: 7, byType: { [text]: 7 }, more: false } : bulk,
    "GET /v1/replays": { replays: times(replay), cursor: rows > 1 ? "1.older" : null },
    "GET /v1/replays/r0": replay(0),
    "POST /v1/replays": (_query: Query, body: unknown) =>
      (body as { plan?: boolean }).plan
        ? {
            total: 7,
            byType: {},
            refused: [{ id: idOf(0), reason: text }],
            checked: 7,
            more: false,
            effects: { done: 2, inDoubt: 1 },
            providerCalls: 7,
            usd: 0.00006,
            running: times((index) => `r${index}`),
          }
        : replay(0),
    ...flow({ rows, text, now }),
    ...settings({ rows, text, now }),
  };
}
