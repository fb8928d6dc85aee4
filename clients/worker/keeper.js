// @ts-check
import { Worker } from "node:worker_threads";
import { Refused } from "./call.js";
import { Heartbeat } from "./heartbeat.js";

/** @typedef {import("./held-job.js").HeldJob} HeldJob */

/**
 * Keeps the leases of all jobs in hand: by a thread, so that a handler that blocks the event loop keeps its own; in this thread when `fetch` is
 * the application's own, or when the thread cannot run (a bundle without its file).
 */
export class Keeper {
  /**
   * @param {import("./call.js").To} to @param {string} worker @param {boolean} inThread
   * @param {(state: string) => void} onState @param {(error: unknown) => void} onError
   */
  constructor(to, worker, inThread, onState, onError) {
    this.to = to;
    this.worker = worker;
    this.onState = onState;
    this.onError = onError;
    /** @type {Map<number, HeldJob>} */
    this.jobs = new Map();
    /** @type {Map<number, () => void>} */
    this.tickets = new Map();
    this.lastTicket = 0;
    this.isStopped = false;
    /** @type {Worker | undefined} */
    this.thread = undefined;
    /** @type {Heartbeat | undefined} */
    this.local = undefined;
    if (inThread) this.startThread();
    else this.startLocal();
  }

  startThread() {
    const { url, token } = this.to;
    const thread = new Worker(new URL("./heartbeat-thread.js", import.meta.url), { workerData: { to: { url, token }, worker: this.worker }, execArgv: [] });
    thread.on("message", (message) => this.hear(message));
    thread.on("error", (error) => this.onError(error));
    thread.on("exit", () => this.threadEnded());
    this.thread = thread;
  }

  /** The leases must be kept all the same. */
  threadEnded() {
    this.thread = undefined;
    if (this.isStopped) return;
    this.startLocal();
    for (const job of this.jobs.values()) this.add(job);
    for (const answered of this.tickets.values()) answered();
  }

  startLocal() {
    this.local = new Heartbeat(this.to, this.worker, {
      answered: (key, result, sentAt) => this.jobs.get(key)?.answered(result, sentAt),
      unanswered: (key, isRefused) => this.jobs.get(key)?.unanswered(isRefused),
      state: this.onState,
      error: this.onError,
    });
  }

  /** @param {any} message of the thread */
  hear(message) {
    if (message.say === "answered") this.jobs.get(message.key)?.answered(message.result, message.sentAt);
    if (message.say === "unanswered") this.jobs.get(message.key)?.unanswered(message.isRefused);
    if (message.say === "state") this.onState(message.state);
    if (message.say === "refused") this.onError(new Refused(message.status, message.body));
    if (message.say === "error") this.onError(new Error(message.message));
    if (message.say === "sent") this.tickets.get(message.ticket)?.();
  }

  /** @param {HeldJob} job */
  add(job) {
    this.jobs.set(job.key, job);
    const lease = job.toLease();
    if (this.thread) this.thread.postMessage({ tell: "add", lease });
    else this.local?.add(lease);
  }

  /** @param {HeldJob} job */
  remove({ key }) {
    this.jobs.delete(key);
    if (this.thread) this.thread.postMessage({ tell: "remove", key });
    else this.local?.remove(key);
  }

  /** Goes with the next heartbeat. @param {HeldJob} job @param {object} progress */
  note({ key }, progress) {
    if (this.thread) this.thread.postMessage({ tell: "note", key, news: { progress } });
    else this.local?.note(key, { progress });
  }

  /** Goes with a heartbeat that is sent now; ends when that was answered. @param {HeldJob} job @param {unknown} cursor @returns {Promise<void>} */
  async now({ key }, cursor) {
    if (!this.thread) return this.local?.now(key, { cursor });
    const { thread } = this;
    const ticket = ++this.lastTicket;
    await new Promise((answered) => {
      this.tickets.set(ticket, () => answered(undefined));
      thread.postMessage({ tell: "now", key, ticket, news: { cursor } });
    });
    this.tickets.delete(ticket);
  }

  async stop() {
    this.isStopped = true;
    this.local?.stop();
    await this.thread?.terminate();
  }
}
