import type { Answers } from "../../test/dashboard/answers.ts";
import type { Night } from "./night-jobs.ts";

/** The jobs of the night: what failed, and its replays. */
export function storyOfFailures({ at, id, jobs, held }: Night): Answers {
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
  const events = Array.from({ length: 60 }, (_, minute) => ({
    minute: at(59 - minute),
    type: "email",
    event: "done",
    count: Math.round(20 + 14 * Math.sin(minute / 6) + (minute % 7)),
    ms: 0,
  }));
  return {
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
  };
}
