// @ts-check
import { call, Refused } from "./call.js";

/** Heartbeats of one call. */
const maxBeats = 100;

/** @typedef {import("./held-job.js").HeldJob} HeldJob */

/**
 * Sends the heartbeats of all jobs in hand, and one at once for a job that begins. Leases are counted from the moment of receipt by a monotonic
 * clock: after a pause of the process (a blocked event loop, SIGSTOP) a job whose lease is over is told before anything else is sent for it.
 */
export class Heartbeat {
  /**
   * @param {{ url: string, token: string, fetch: typeof fetch }} to
   * @param {string} worker
   * @param {(state: string) => void} onState
   * @param {(error: unknown) => void} onError
   */
  constructor(to, worker, onState, onError) {
    this.to = to;
    this.worker = worker;
    this.onState = onState;
    this.onError = onError;
    /** @type {Set<HeldJob>} */
    this.jobs = new Set();
    /** @type {Set<HeldJob>} */
    this.due = new Set();
    /** @type {Promise<void> | undefined} */
    this.sending = undefined;
    this.timer = setInterval(() => this.tick(), 250);
  }

  /** @param {HeldJob} job */
  add(job) {
    this.jobs.add(job);
    this.now(job);
  }

  /** @param {HeldJob} job */
  remove(job) {
    this.jobs.delete(job);
    this.due.delete(job);
  }

  /** Sends one for this job as soon as the last ones are answered. @param {HeldJob} job @returns {Promise<void>} */
  now(job) {
    this.due.add(job);
    return this.flush();
  }

  tick() {
    const now = performance.now();
    for (const job of this.jobs) if (now >= job.beatAt) this.due.add(job);
    if (this.due.size > 0) void this.flush();
  }

  /** @returns {Promise<void>} */
  flush() {
    this.sending ??= this.sendAll().finally(() => (this.sending = undefined));
    return this.sending;
  }

  async sendAll() {
    while (this.due.size > 0) {
      const jobs = [...this.due].slice(0, maxBeats);
      for (const job of jobs) this.due.delete(job);
      await this.send(jobs);
    }
  }

  /** @param {HeldJob[]} jobs */
  async send(jobs) {
    const sentAt = performance.now();
    const beats = jobs.map((job) => job.beat());
    for (const job of jobs) job.beatAt = sentAt + job.heartbeatMs;
    try {
      const patience = Math.min(...jobs.map((job) => job.leaseMs)) / 2;
      const { results, workerState } = await call(
        this.to,
        "POST",
        "/v1/work/beat",
        { worker: this.worker, beats },
        { giveUpAfterMs: patience, timeoutMs: 10_000 },
      );
      for (const [index, job] of jobs.entries()) job.answered(results[index], sentAt);
      this.onState(workerState);
    } catch (error) {
      this.onError(error);
      // A refusal of the whole call says nothing of a job; without an answer its lease may be over.
      for (const job of jobs) job.unanswered(error instanceof Refused);
    }
  }

  stop() {
    clearInterval(this.timer);
  }
}
