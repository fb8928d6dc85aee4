import { createEngine, type Engine } from "../../src/queue/engine";
import type { Envelope } from "../../src/queue/envelope";
import { createIds } from "../../src/queue/id";
import type { Job } from "../../src/queue/job";
import type { Ledger } from "../../src/queue/ports/ledger";
import { createRegistry } from "../../src/queue/registry";
import { jobsIn } from "./history/events";
import type { History } from "./history/history";
import type { Mutant } from "./mutant";

/** One isolate: everything it does to the outside is counted, and nothing of it arrives once it is dead. */
export interface Isolate {
  number: number;
  engine: Engine;
  dead: boolean;
  dies: number | null;
  /** Holds its next run here. */
  stop: "before" | "after" | null;
  stopped: PromiseWithResolvers<void>;
  resume: PromiseWithResolvers<void>;
}

export interface IsolateOptions {
  /** After so many calls to the outside the isolate dies; each is a death after that call took effect and before the next one does. */
  dies?: number | null;
  /** How far its clock is from the true one. Milliseconds. */
  skew?: number;
  /** Of the deployment before. */
  old?: boolean;
}

/** Calls that change no row of a job, and so need not be watched. */
const reads = [
  "effects",
  "recordEffect",
  "heartbeat",
  "known",
  "former",
  "dueTenants",
  "due",
  "rewake",
  "parkedGates",
  "parked",
  "forgetGates",
  "pauses",
  "markHeavy",
  "heavySeen",
  "heavyMarks",
];

/** Makes isolates of one engine, and what is outside of them: ledger and queues that may be away. A mutant changes the engine's calls and the answers to them. */
export function createOutside(engine: Engine, history: History, jobsFor: (isolate: Isolate, options: IsolateOptions) => readonly Job[], mutant: Mutant | null) {
  let drawn = 0;
  let made = 0;
  const ids = createIds("the id secret of the model", () => new Uint8Array([0, 0, 0, 0, 0, 0, 0, 0, drawn >> 8, drawn++ & 255]));
  const state = { ledger: "up", send: "up" };
  return { state, makeIsolate, alive, count, die };

  function makeIsolate(options: IsolateOptions = {}): Isolate {
    const { dies = null, skew = 0 } = options;
    const parts = { dead: false, dies, stop: null, stopped: Promise.withResolvers<void>(), resume: Promise.withResolvers<void>() };
    const isolate: Isolate = { number: ++made, engine, ...parts };
    const below = watchedLedger(isolate.number);
    const present = options.old ? withoutMarks(below) : below;
    const ledger = mutant?.ledger?.(present) ?? present;
    isolate.engine = createEngine({
      ...engine,
      ids,
      now: () => engine.now() + skew,
      // As deployed: claims write the rows of fresh jobs.
      ledgerFirst: false,
      registry: createRegistry(jobsFor(isolate, options)),
      ledger: new Proxy(ledger, {
        get:
          (target, name) =>
          (...all: unknown[]) =>
            ledgerCall(isolate, target[name as keyof Ledger], all),
      }),
      queue: (name) => producer(isolate, name),
      // Its queues outlive an isolate.
      unwritten: { keep: () => Promise.resolve(), oldest: () => Promise.resolve([]), remove: () => Promise.resolve() },
      gates: mutant?.gates?.(engine.gates) ?? engine.gates,
      emit: (event) => {
        if (event.event === "settled" && !isolate.dead) history.note({ is: "announced", ...event, isolate: isolate.number });
        engine.emit(event);
      },
    });
    return isolate;
  }

  /** The ledger as an isolate reaches it: each change of a row is in the history before the answer. */
  function watchedLedger(isolate: number): Ledger {
    const watch =
      (name: string) =>
      (...all: unknown[]) => {
        const work = () => (engine.ledger[name as keyof Ledger] as (...values: unknown[]) => Promise<unknown>)(...all);
        return reads.includes(name) ? work() : history.watch(name, isolate, work);
      };
    return new Proxy(engine.ledger, { get: (_, name) => watch(String(name)) });
  }

  async function ledgerCall(isolate: Isolate, call: unknown, all: unknown[]): Promise<unknown> {
    alive(isolate);
    if (state.ledger === "down") throw new Error("D1 is down");
    const answer = await (call as (...values: unknown[]) => Promise<unknown>)(...all);
    count(isolate);
    if (state.ledger === "mute") throw new Error("D1 did what it was asked and did not answer");
    return answer;
  }

  function producer(isolate: Isolate, name: string): Queue {
    const queue = engine.queue(name) as Queue;
    const sendBatch: Queue["sendBatch"] = async (messages) => {
      alive(isolate);
      const all = [...messages];
      const down = state.send === "down";
      if (down) note("refused", isolate, name, all);
      if (down) throw new Error("the queue is down");
      const passed = mutant?.send?.(all, name) ?? all;
      note("sent", isolate, name, passed);
      const answer = await queue.sendBatch(passed);
      count(isolate);
      return answer;
    };
    return { ...queue, sendBatch };
  }

  function note(is: "sent" | "refused", isolate: Isolate, queue: string, messages: readonly MessageSendRequest[]): void {
    for (const { body } of messages)
      for (const { tenant, id, seq } of jobsIn(body as Envelope)) history.note({ is, queue, isolate: isolate.number, tenant, id, seq });
  }

  function alive(isolate: Isolate): void {
    if (isolate.dead) throw new Error("this isolate is dead");
  }

  function count(isolate: Isolate): void {
    if (isolate.dies !== null && --isolate.dies <= 0) die(isolate);
    alive(isolate);
  }

  function die(isolate: Isolate): void {
    if (!isolate.dead) history.note({ is: "died", isolate: isolate.number });
    isolate.dead = true;
  }
}

/** The deployment before has no marks of heavy tenants: it claims whatever its queues hand it, and forwards nothing. */
function withoutMarks(ledger: Ledger): Ledger {
  const claim: Ledger["claim"] = (refs, lease, options) => ledger.claim(refs, lease, { ...options, queue: undefined });
  const own: Partial<Ledger> = { claim, heavySeen: () => Promise.resolve(), heavyMarks: () => Promise.resolve([]) };
  return new Proxy(ledger, { get: (target, name) => own[name as keyof Ledger] ?? target[name as keyof Ledger] });
}
