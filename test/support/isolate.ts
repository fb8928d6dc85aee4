import { createEngine, type Engine } from "../../src/queue/engine";
import type { Envelope } from "../../src/queue/envelope";
import { createIds } from "../../src/queue/id";
import type { JobRef } from "../../src/queue/job-row";
import type { Claim, ClaimedJob, Lease, Settled } from "../../src/queue/run-ledger";

/** One isolate: everything it does to the outside is counted, and nothing of it arrives once it is dead. */
export interface Isolate {
  engine: Engine;
  dead: boolean;
  dies: number | null;
  /** Holds its next run here. */
  stop: "before" | "after" | null;
  stopped: PromiseWithResolvers<void>;
  resume: PromiseWithResolvers<void>;
}

/** Makes isolates of one engine, and what is outside of them: ledger and queues that may be away, and who holds which job. */
export function createOutside(engine: Engine, violations: string[]) {
  let drawn = 0;
  const ids = createIds("the id secret of the model", () => new Uint8Array([0, 0, 0, 0, 0, 0, 0, 0, drawn >> 8, drawn++ & 255]));
  const isolates = new Map<string, Isolate>();
  const holders = new Map<string, { token: string; until: number; over: boolean }>();
  /** Each generation that was sent, by id and seq. */
  const chains = new Set<string>();
  const state = { ledger: "up", send: "up" };
  return {
    state,
    makeIsolate,
    alive,
    count,
    /** Where a job runs. */
    isolateOf: (id: string) => isolates.get(holders.get(id)?.token ?? ""),
  };

  function makeIsolate(dies: number | null): Isolate {
    const isolate: Isolate = { engine, dead: false, dies, stop: null, stopped: Promise.withResolvers(), resume: Promise.withResolvers() };
    isolate.engine = createEngine({
      ...engine,
      ids,
      ledger: new Proxy(engine.ledger, {
        get:
          (target, name) =>
          (...all: unknown[]) =>
            ledgerCall(isolate, String(name), target[name as keyof typeof target], all),
      }),
      queue: (name) => producer(isolate, engine.queue(name) as Queue),
    });
    return isolate;
  }

  async function ledgerCall(isolate: Isolate, name: string, call: unknown, all: unknown[]): Promise<unknown> {
    alive(isolate);
    if (state.ledger === "down") throw new Error("D1 is down");
    if (name === "settle" || name === "release") over(all[1] as string);
    const answer = await (call as (...values: unknown[]) => Promise<unknown>)(...all);
    if (name === "claim" || name === "adopt") for (const each of (answer as Claim).claimed) hold(isolate, each, all[1] as Lease);
    if (name === "claimAlone" && answer) hold(isolate, answer as ClaimedJob, all[1] as Lease);
    if (name === "settle") for (const { id } of answer as Settled[]) fenced(id, all[1] as string);
    count(isolate);
    if (state.ledger === "mute") throw new Error("D1 did what it was asked and did not answer");
    return answer;
  }

  function producer(isolate: Isolate, queue: Queue): Queue {
    const sendBatch: Queue["sendBatch"] = async (messages) => {
      alive(isolate);
      if (state.send === "down") throw new Error("the queue is down");
      const all = [...messages];
      for (const { body } of all) chain(body as Envelope);
      const answer = await queue.sendBatch(all);
      count(isolate);
      return answer;
    };
    return { ...queue, sendBatch };
  }

  /** A generation has one message. Only a keyed job may be called for twice before it ran: whether the first call's message was sent, nobody knows. */
  function chain({ id, seq }: Envelope): void {
    const name = `${id} seq ${seq}`;
    if (seq > 0 && chains.has(name)) violations.push(`${name} was sent twice`);
    chains.add(name);
  }

  function alive(isolate: Isolate): void {
    if (isolate.dead) throw new Error("this isolate is dead");
  }

  function count(isolate: Isolate): void {
    if (isolate.dies !== null && --isolate.dies <= 0) isolate.dead = true;
    alive(isolate);
  }

  function hold(isolate: Isolate, ref: JobRef, lease: Lease): void {
    const before = holders.get(ref.id);
    if (before && !before.over && before.until > lease.now) violations.push(`${ref.id} was claimed while another run held it`);
    isolates.set(lease.token, isolate);
    holders.set(ref.id, { token: lease.token, until: lease.until, over: false });
  }

  function fenced(id: string, token: string): void {
    if (holders.get(id)?.token !== token) violations.push(`${id} was settled by a run that no longer held it`);
  }

  function over(token: string): void {
    for (const holder of holders.values()) if (holder.token === token) holder.over = true;
  }
}
