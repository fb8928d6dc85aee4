// @ts-check
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { call, Refused, sleep } from "./call.js";
import { HeldJob, outcomes } from "./held-job.js";
import { monotonicNow } from "./clock.js";
import { Keeper } from "./keeper.js";

export { Refused } from "./call.js";
export { JobEnded, Uncertain } from "./held-job.js";

export const { done, retry, wait, again, discard } = outcomes;

/** After an error of a pull. Milliseconds. */
const pauseAfterError = 2000;

/** See index.d.ts. @param {any} options */
export function createWorker({
  url,
  token,
  handlers,
  concurrency = 10,
  worker,
  leaseSeconds,
  graceSeconds = 30,
  waitSeconds = 20,
  onError = console.error,
  fetch: ask = fetch,
}) {
  const to = { url: String(url).replace(/\/+$/, ""), token, fetch: ask };
  const name =
    worker ??
    `${hostname()
      .replaceAll(/[^A-Za-z0-9._-]/g, "-")
      .slice(0, 90)}-${process.pid}-${randomUUID().slice(0, 8)}`;
  const types = Object.keys(handlers);
  /** @type {Set<{ held: HeldJob, running: Promise<void> }>} */
  const inHand = new Set();
  const stopping = new AbortController();
  let state = "run";
  /** @type {Promise<void> | undefined} */
  let ran;
  /** @type {Keeper} */
  let keeper;

  /** @param {string} next */
  function setState(next) {
    state = next;
    if (next === "stop") stop();
  }

  function stop() {
    if (!stopping.signal.aborted) stopping.abort();
    return ran ?? Promise.resolve();
  }

  async function poll() {
    while (!stopping.signal.aborted) {
      const free = concurrency - inHand.size;
      if (free <= 0) {
        await Promise.race([...[...inHand].map(({ running }) => running), sleep(1000, stopping.signal)]);
        continue;
      }
      const body = {
        worker: name,
        pullId: randomUUID(),
        types,
        max: Math.min(100, free),
        waitSeconds,
        ...(leaseSeconds === undefined ? {} : { leaseSeconds }),
      };
      try {
        const pulled = await pull(body);
        for (const job of pulled.jobs) begin(job, pulled.receivedAt);
        setState(pulled.workerState);
        if (pulled.jobs.length === 0) await sleep(pulled.pollAfterMs, stopping.signal);
      } catch (error) {
        if (stopping.signal.aborted) return giveBack(body);
        onError(error);
        // What is refused stays so until somebody changes something.
        await sleep(error instanceof Refused ? pauseAfterError * 5 : pauseAfterError, stopping.signal);
      }
    }
  }

  /** @param {any} body */
  async function pull(body, signal = stopping.signal) {
    const answer = await call(to, "POST", "/v1/work/pull", body, { signal, timeoutMs: (waitSeconds + 15) * 1000 });
    // Leases are counted from here, not by the server's times: the clocks may differ.
    return { ...answer, receivedAt: monotonicNow() };
  }

  /** A pull that was cut off may have taken something: asked for again under its id, and given back. @param {any} body */
  async function giveBack(body) {
    try {
      const { jobs, receivedAt } = await pull({ ...body, waitSeconds: 0 }, AbortSignal.timeout(5000));
      await Promise.all(jobs.map((/** @type {any} */ job) => new HeldJob(to, job, receivedAt).release("the worker ends")));
    } catch (error) {
      // Past startBy it is offered to others anyway.
      onError(error);
    }
  }

  /** @param {any} job @param {number} receivedAt */
  function begin(job, receivedAt) {
    const held = new HeldJob(to, job, receivedAt);
    const entry = { held, running: Promise.resolve() };
    inHand.add(entry);
    keeper.add(held);
    entry.running = run(held)
      .catch(onError)
      .finally(() => {
        keeper.remove(held);
        inHand.delete(entry);
      });
  }

  /** @param {HeldJob} held */
  async function run(held) {
    try {
      const handler = handlers[held.job.type];
      const payload = await held.payload();
      const returned = await handler(payload, contextOf(held));
      await held.settle(returned);
    } catch (thrown) {
      await held.settleThrown(thrown);
    }
  }

  /** @param {HeldJob} held */
  function contextOf(held) {
    const { job } = held;
    return {
      id: job.id,
      type: job.type,
      tenant: job.tenant,
      attempt: job.attempt,
      maxAttempts: job.maxAttempts,
      cursor: job.cursor ?? undefined,
      dryRun: job.dryRun,
      idempotencyKey: job.idempotencyKey,
      traceparent: job.traceparent,
      signal: held.controller.signal,
      get isPaused() {
        return held.isPaused;
      },
      /** @param {string} key @param {any} act @param {any} [options] */
      effect: (key, act, options = {}) => held.effect(key, act, options),
      /** @param {number} count @param {number} [total] @param {string} [note] */
      progress: async (count, total, note) => {
        held.refuseIfEnded();
        keeper.note(held, { done: count, ...(total === undefined ? {} : { total }), ...(note === undefined ? {} : { note: String(note).slice(0, 200) }) });
      },
      /** @param {unknown} cursor */
      checkpoint: async (cursor) => {
        held.refuseIfEnded();
        held.refusal = undefined;
        // As JSON has it: it goes to another thread.
        await keeper.now(held, JSON.parse(JSON.stringify(cursor ?? null)));
        held.refuseIfEnded();
        if (held.refusal !== undefined) throw new Error(`the checkpoint was refused: ${held.refusal}`);
      },
      /** @param {object[]} jobs */
      enqueue: async (jobs) => {
        held.refuseIfEnded();
        return held.refusals("children", () => held.about("children", { jobs }));
      },
    };
  }

  async function runUntilStopped() {
    const onSignal = () => void stop();
    process.once("SIGTERM", onSignal);
    process.once("SIGINT", onSignal);
    keeper = new Keeper(to, name, ask === globalThis.fetch, setState, onError);
    try {
      await poll();
      // The timer ends with the jobs: it would keep the process alive.
      const over = new AbortController();
      const ended = Promise.all([...inHand].map(({ running }) => running)).finally(() => over.abort());
      await Promise.race([ended, sleep(graceSeconds * 1000, over.signal)]);
      // What is still under way is given back: another worker does it from its last checkpoint.
      await Promise.all(
        [...inHand].map(async ({ held }) => {
          held.end("stopped");
          if (held.isOpen) await held.release("the worker ends").catch(onError);
        }),
      );
    } finally {
      await keeper.stop();
      process.removeListener("SIGTERM", onSignal);
      process.removeListener("SIGINT", onSignal);
    }
  }

  return {
    name,
    get state() {
      return state;
    },
    run: () => (ran ??= runUntilStopped()),
    stop,
  };
}
