import type { Answers } from "../../test/dashboard/answers.ts";
import type { Night } from "./night-jobs.ts";

/** What is in the way, and how the queues flow. */
export function storyOfFlow({ at, circuit, circuitWhy, gateActions, paused }: Night): Answers {
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
  return {
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
    "GET /v1/pauses": {
      pauses: [{ scope: "queue", name: "analytics-events", tenant: "demo", since: at(40), actor: "t0", actorName: "ana", reason: "provider migration" }],
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
  };
}
