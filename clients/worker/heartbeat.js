// @ts-check
import { call, Refused } from "./call.js";
import { monotonicNow } from "./clock.js";

/** Heartbeats of one call. */
const maxBeats = 100;

/**
 * A lease to be kept. `key` tells it from others, `news` goes with the next heartbeat.
 * @typedef {{ key: number, id: string, lease: string, tenant: string, leaseMs: number, heartbeatMs: number, beatAt: number,
 *   news?: { progress?: object, cursor?: unknown } }} Lease
 */

/**
 * What a heartbeat tells of its leases. `sentAt` by `monotonicNow()`: a lease is counted from then.
 * @typedef {{ answered: (key: number, result: any, sentAt: number) => void, unanswered: (key: number, isRefused: boolean) => void,
 *   state: (state: string) => void, error: (error: unknown) => void }} Listener
 */

/** Sends the heartbeats of all jobs in hand, and one at once for a job that begins. */
export class Heartbeat {
  /** @param {import("./call.js").To} to @param {string} worker @param {Listener} listener */
  constructor(to, worker, listener) {
    this.to = to;
    this.worker = worker;
    this.listener = listener;
    /** @type {Map<number, Lease>} */
    this.leases = new Map();
    /** @type {Set<number>} */
    this.due = new Set();
    /** @type {Promise<void> | undefined} */
    this.sending = undefined;
    this.timer = setInterval(() => this.tick(), 250);
  }

  /** @param {Lease} lease */
  add(lease) {
    this.leases.set(lease.key, lease);
    void this.now(lease.key);
  }

  /** @param {number} key */
  remove(key) {
    this.leases.delete(key);
    this.due.delete(key);
  }

  /** Goes with the next heartbeat. @param {number} key @param {{ progress?: object, cursor?: unknown }} news */
  note(key, news) {
    const lease = this.leases.get(key);
    if (lease) lease.news = { ...lease.news, ...news };
  }

  /** Sends one for this job as soon as the last ones are answered. @param {number} key @param {{ progress?: object, cursor?: unknown }} [news] */
  now(key, news = {}) {
    this.note(key, news);
    if (this.leases.has(key)) this.due.add(key);
    return this.flush();
  }

  tick() {
    const now = monotonicNow();
    for (const { key, beatAt } of this.leases.values()) if (now >= beatAt) this.due.add(key);
    if (this.due.size > 0) void this.flush();
  }

  /** @returns {Promise<void>} */
  flush() {
    this.sending ??= this.sendAll().finally(() => (this.sending = undefined));
    return this.sending;
  }

  async sendAll() {
    while (this.due.size > 0) {
      const keys = [...this.due].slice(0, maxBeats);
      for (const key of keys) this.due.delete(key);
      await this.send(keys.flatMap((key) => this.leases.get(key) ?? []));
    }
  }

  /** @param {Lease[]} leases */
  async send(leases) {
    if (leases.length === 0) return;
    const sentAt = monotonicNow();
    const beats = leases.map(({ id, lease, tenant, news = {} }) => ({ id, lease, tenant, ...news }));
    const told = leases.map(({ news }) => news);
    for (const lease of leases) {
      lease.news = undefined;
      lease.beatAt = sentAt + lease.heartbeatMs;
    }
    try {
      const giveUpAfterMs = Math.min(...leases.map(({ leaseMs }) => leaseMs)) / 2;
      const { results, workerState } = await call(this.to, "POST", "/v1/work/beat", { worker: this.worker, beats }, { giveUpAfterMs, timeoutMs: 10_000 });
      for (const [index, { key }] of leases.entries()) this.listener.answered(key, results[index], sentAt);
      this.listener.state(workerState);
    } catch (error) {
      this.listener.error(error);
      // What was not taken in goes with the next one, unless there is something newer.
      if (!(error instanceof Refused)) for (const [index, lease] of leases.entries()) lease.news = { ...told[index], ...lease.news };
      // A refusal of the whole call says nothing of a job; without an answer its lease may be over.
      for (const { key } of leases) this.listener.unanswered(key, error instanceof Refused);
    }
  }

  stop() {
    clearInterval(this.timer);
  }
}
