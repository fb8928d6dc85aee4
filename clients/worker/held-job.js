// @ts-check
import { call, Refused } from "./call.js";
import { monotonicNow } from "./clock.js";

/** Thrown into a handler whose job is no longer its own, or shall end. */
export class JobEnded extends Error {
  /** @param {string} why */
  constructor(why) {
    super(`the job ended: ${why}`);
    this.name = "JobEnded";
    this.why = why;
  }
}

/** What an effect threw is in doubt: it may have happened. */
export class Uncertain extends Error {
  /** @param {string} key @param {string} detail */
  constructor(key, detail) {
    super(`effect "${key}": ${detail}`);
    this.name = "Uncertain";
  }
}

/** A larger result is uploaded. Characters of JSON. */
const maxInlineResult = 64 * 1024;

const mark = Symbol("outcome");
/** @param {object} said */
const outcome = (said) => ({ [mark]: true, said });

/** What a handler may return besides a result. */
export const outcomes = {
  /** @param {unknown} [result] */
  done: (result) => outcome({ kind: "done", ...(result === undefined ? {} : { result }) }),
  /** @param {string} reason @param {{ afterSeconds?: number }} [options] */
  retry: (reason, { afterSeconds } = {}) => outcome({ kind: "retry", reason: text(reason), ...(afterSeconds === undefined ? {} : { afterSeconds }) }),
  /** @param {string} reason @param {{ until: number | Date }} options */
  wait: (reason, { until }) => outcome({ kind: "wait", reason: text(reason), untilMs: Math.ceil(Number(until)) }),
  /** @param {unknown} cursor */
  again: (cursor) => outcome({ kind: "again", cursor }),
  /** @param {string} reason */
  discard: (reason) => outcome({ kind: "discard", reason: text(reason) }),
};

/** @param {unknown} reason */
function text(reason) {
  return String(reason || "no reason").slice(0, 4000);
}

let lastKey = 0;

/** One job in this worker's hands. */
export class HeldJob {
  /**
   * @param {import("./call.js").To} to
   * @param {any} job as the pull answered
   * @param {number} receivedAt by monotonicNow()
   */
  constructor(to, job, receivedAt) {
    /** Tells it from others, in all threads. */
    this.key = ++lastKey;
    this.to = to;
    this.job = job;
    this.leaseMs = job.leaseSeconds * 1000;
    this.heartbeatMs = Math.min(job.heartbeatSeconds * 1000, this.leaseMs / 3);
    this.leaseEnds = receivedAt + this.leaseMs;
    this.beatAt = receivedAt + this.heartbeatMs;
    this.controller = new AbortController();
    /** @type {string | undefined} */
    this.ended = undefined;
    this.isPaused = false;
    /** Why the last heartbeat was refused. @type {string | undefined} */
    this.refusal = undefined;
    /** @type {Map<string, Promise<unknown>>} */
    this.acting = new Map();
    /** Not settled and not given back. */
    this.isOpen = true;
  }

  /** @param {string} why */
  end(why) {
    this.ended ??= why;
    if (!this.controller.signal.aborted) this.controller.abort(new JobEnded(why));
  }

  /** What keeps its lease: plain data, for another thread. @returns {import("./heartbeat.js").Lease} */
  toLease() {
    const { id, lease, tenant } = this.job;
    return { key: this.key, id, lease, tenant, leaseMs: this.leaseMs, heartbeatMs: this.heartbeatMs, beatAt: this.beatAt };
  }

  /** @param {any} result @param {number} sentAt */
  answered(result, sentAt) {
    if (!result?.ok) {
      // What it said was refused; the lease still stands.
      if (result?.code === "invalid") this.refusal = result.detail ?? "the heartbeat was refused";
      else this.end(result?.code === "ended" ? "ended" : "lease-lost");
      return;
    }
    this.leaseEnds = sentAt + this.leaseMs;
    this.isPaused = result.pause;
    if (result.cancel) this.end("cancelled");
  }

  /** @param {boolean} refused */
  unanswered(refused) {
    if (refused) this.refusal = "the heartbeats were refused";
    else if (monotonicNow() >= this.leaseEnds) this.end("lease-lost");
  }

  refuseIfEnded() {
    if (this.ended) throw new JobEnded(this.ended);
  }

  /** @param {string} path @param {object} body @param {string} [method] */
  about(path, body, method = "POST") {
    const { id, lease, tenant } = this.job;
    return call(this.to, method, `/v1/work/${id}/${path}`, { lease, ...body }, { tenant, giveUpAfterMs: this.patience() });
  }

  /** How long a call may be repeated. Milliseconds. */
  patience() {
    return Math.max(10_000, this.leaseEnds - monotonicNow());
  }

  /**
   * @param {string} key
   * @param {(idempotencyKey: string) => Promise<unknown>} act
   * @param {{ idempotentForSeconds?: number }} options
   */
  effect(key, act, options) {
    const known = this.acting.get(key);
    if (known) return known;
    const acting = this.actOnce(key, act, options);
    this.acting.set(key, acting);
    return acting;
  }

  /** @param {string} key @param {(idempotencyKey: string) => Promise<unknown>} act @param {{ idempotentForSeconds?: number }} options */
  async actOnce(key, act, { idempotentForSeconds = 0 }) {
    this.refuseIfEnded();
    if (Object.hasOwn(this.job.effects, key)) return this.job.effects[key];
    const path = `effects/${encodeURIComponent(key)}`;
    const begun = await this.refusals(key, () => this.about(path, { idempotentForSeconds }));
    if (begun.state === "done") return begun.result;
    this.refuseIfEnded();
    const result = (await act(begun.idempotencyKey)) ?? null;
    await this.refusals(key, () => this.about(path, { result }, "PUT"));
    return result;
  }

  /** @param {string} key @param {() => Promise<any>} ask */
  async refusals(key, ask) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.code === "uncertain") throw new Uncertain(key, error.message);
      if (error.code === "conflict") this.end("cancelled");
      else if (error.code === "lease-lost" || error.status === 404 || error.status === 410) this.end("lease-lost");
      this.refuseIfEnded();
      throw error;
    }
  }

  /** @param {unknown} returned */
  async settle(returned) {
    const said = typeof returned === "object" && returned !== null && mark in returned ? /** @type {any} */ (returned).said : outcomes.done(returned).said;
    await this.settleWith(said);
  }

  /** @param {unknown} thrown */
  async settleThrown(thrown) {
    if (thrown instanceof JobEnded && this.ended !== "cancelled") return;
    if (thrown instanceof Uncertain) return this.settleWith({ kind: "discard", reason: text(thrown.message) });
    await this.settleWith({ kind: "retry", reason: text(thrown instanceof Error ? thrown.message : thrown) });
  }

  /** A result that is too large for the settlement is uploaded, and named by its id. @param {any} said */
  async fitting(said) {
    if (said.kind !== "done" || said.result === undefined) return said;
    const text = JSON.stringify(said.result) ?? "null";
    if (text.length <= maxInlineResult) return said;
    const { resultUrl } = await this.about("result-upload", {});
    const { pathname, search } = new URL(resultUrl);
    const { resultId } = await call(this.to, "PUT", pathname + search, said.result, { giveUpAfterMs: this.patience() });
    return { kind: "done", resultId };
  }

  /** @param {object} said */
  async settleWith(said) {
    // Nothing more is said under a lease that is another's.
    if (this.ended === "lease-lost" || this.ended === "ended") return;
    try {
      await this.about("settle", { outcome: await this.fitting(said) });
    } catch (error) {
      if (error instanceof Refused && error.status === 422)
        return void (await this.about("settle", { outcome: { kind: "discard", reason: text(error.message) } }));
      if (error instanceof Refused && error.status === 413)
        return void (await this.about("settle", { outcome: { kind: "discard", reason: text(error.message) } }));
      if (!(error instanceof Refused)) throw error;
      this.end("lease-lost");
    } finally {
      this.isOpen = false;
    }
  }

  /** @param {string} reason */
  async release(reason) {
    this.isOpen = false;
    try {
      await this.about("release", { reason });
    } catch (error) {
      // Another has it already.
      if (!(error instanceof Refused)) throw error;
    }
  }

  async payload() {
    const { payload, payloadUrl } = this.job;
    if (payloadUrl === undefined) return payload;
    const response = await this.to.fetch(payloadUrl, { signal: AbortSignal.timeout(30_000) });
    if (!response.ok) throw new Error(`the payload could not be loaded: ${response.status}`);
    return response.json();
  }
}
