import type { Answers, Filling } from "./answers";

/** Answers about queues and what holds them: figures, pauses, gates. */
export function flow({ rows, text, now }: Filling): Answers {
  const ago = (minutes: number) => new Date(now - minutes * 60_000).toISOString();
  const times = <Row>(make: (index: number) => Row) => Array.from({ length: rows }, (_, index) => make(index));
  const waits = {
    ...{ code: "circuit-open", sentence: `${text} until ${ago(-2).replace(/\.\d+/, "")}.`, since: ago(8) },
    actions: [{ method: "POST" as const, path: "/v1/gates/mail0/probe", label: "Probe now" }],
  };
  const queue = (index: number) => ({
    queue: index === 0 ? "email-sending" : `${text}${index}`,
    types: [text],
    backlog: 12,
    bytes: 900,
    oldestAt: ago(1),
    running: 1,
    ready: 2,
    held: 3,
    parked: 1,
    paced: 0,
    retrying: 4,
    scheduled: 5,
    oldestReadyAt: ago(1),
    donePerMinute: 12.5,
    failedPerMinute: 0.2,
    waitP95Ms: 1234,
    health: "flowing",
    heldBy: [
      { cause: text, count: 3 },
      { cause: "mail0: open", count: 2 },
    ],
    why: index === 0 ? { ...waits, tenant: "demo" } : null,
    paused: index === 1,
  });
  return {
    "GET /v1/queues": { queues: [...times(queue), { ...queue(0), queue: "events", health: "idle" }] },
    "GET /v1/stats": {
      from: ago(60),
      to: ago(0),
      totals: {},
      minutes: times((index) => ({ minute: ago(30), type: text, event: index % 2 === 0 ? "done" : "dead", count: 12, ms: 60_000 })),
      backlog: { deadLetters: rows, discarded: 0, parked: 0, due: 2 },
      deploys: times((index) => ({ version: `v${index}`, tag: text, at: ago(50 - index / 100) })),
      groups: times((index) => ({
        ...{ name: `${text}${index}`, events: { done: 9 }, ms: 90_000 },
        open: { running: 2, ready: 0, held: 3, parked: 0, retrying: 1, scheduled: 0 },
      })),
    },
    "GET /v1/pauses": {
      pauses: times((index) => ({
        scope: "queue",
        name: `events${index}`,
        tenant: index === 0 ? "*" : "demo",
        since: ago(70),
        actor: text,
        actorName: index === 0 ? null : text,
        reason: text,
      })),
    },
    "GET /v1/gates": {
      gates: times((index) => ({
        tenant: "demo",
        dependency: `mail${index}`,
        circuit: index === 0 ? "open" : "closed",
        openUntil: index === 0 ? ago(-1) : null,
        failures: 5,
        slots: { used: 4, max: 4 },
        rate: { perSecond: 2, available: 0 },
        held: 3,
        parked: 1,
        lastFailure: { at: ago(1), reason: text },
        why: index === 0 ? waits : null,
      })),
      cursor: null,
    },
  };
}
