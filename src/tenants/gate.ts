import { DurableObject } from "cloudflare:workers";
import type { LeaveReport } from "../queue/ports/gates";
import type { GateLimits } from "./gate-limits";
import { admit, enter, holdUntil, leave, probe, reset, status } from "./gate-rules";
import { type Admission, type GateAnswer, type GateState, type GateStatus, newGate } from "./gate-state";

const key = "state";

/**
 * One per tenant and dependency, named `tenant/dependency`: the rules of gate-rules.ts, kept in storage as one row. Each call that changes the state
 * writes that row once; the runtime delays the answer until it is durable. Every `now` is the caller's clock in milliseconds.
 *
 * For minutes after a deployment caller and object are of different versions. So an argument never moves or changes its meaning; a new one comes last
 * and is optional, as is a new field of an answer. test/tenants/gate-versions.test.ts runs the class of an earlier release.
 */
export class Gate extends DurableObject<Cloudflare.Env> {
  #state: GateState;

  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    super(ctx, env);
    // The state that an earlier version stored lacks later fields.
    this.#state = { ...newGate(), ...ctx.storage.kv.get<GateState>(key) };
  }

  /** One answer per job, in order. A lease ends after `leaseMs` unless it is returned before. */
  enter(jobs: readonly { id: string }[], limits: GateLimits, leaseMs: number, now: number): GateAnswer[] {
    const { state, answers } = enter(this.#state, jobs, limits, leaseMs, now);
    this.#keep(state);
    return answers;
  }

  /** Returns leases and reports how the dependency answered. */
  leave(reports: readonly LeaveReport[], now: number): void {
    this.#keep(leave(this.#state, reports, now));
  }

  /** Parked jobs to admit during the next minute, at most `limit`. Reserves nothing. */
  admit(limit: number, now: number): Admission {
    return admit(this.#state, limit, now);
  }

  /** `limits` apply from now on. */
  status(now: number, limits: GateLimits = this.#state.limits): GateStatus {
    return status(this.#state, limits, now);
  }

  /** Opens the circuit until a time: the dependency refuses all calls until a setting changes. */
  hold(until: number, now: number, reason?: string): void {
    this.#keep(holdUntil(this.#state, until, now, reason));
  }

  /** Closes the circuit; these limits apply from now on. */
  reset(now: number, limits: GateLimits = this.#state.limits): void {
    this.#keep(reset(this.#state, limits, now));
  }

  /** Makes an open circuit admit one probe now. */
  probe(now: number): void {
    this.#keep(probe(this.#state, now));
  }

  /** Writes to storage before it changes the state in memory: a failed write changes nothing. */
  #keep(state: GateState): void {
    this.ctx.storage.kv.put(key, state);
    this.#state = state;
  }
}
