/**
 * The rules of a gate as a pure state machine: from state and time to answers and the next state.
 * Times are milliseconds of the callers' clocks. There are no timers: expired leases are removed at the next call.
 */
import type { GateReport, LeaveReport } from "../queue/ports/gates";
import { breakerAnswered, breakerDue, breakerFailed, breakerProbed, openedAt, type Breaker, defaultBreaker, closed } from "./gate-breaker";
import { bucketOf, refill, refund, takeToken } from "./gate-bucket";
import type { BreakerLimits, GateLimits } from "./gate-limits";
import { defaultConcurrency, heldGraceMs, maxWaitMs, maxReason, maxHeld, probeWaitMs } from "./gate-state";
import type { Admission, GateAnswer, GateState, GateStatus, Granted, Held, GateLease } from "./gate-state";
import { minuteMs } from "../time/day";

/** One answer per job, in order. A job that has entered already gets its lease again, extended. */
export function enter(
  before: GateState,
  jobs: readonly { id: string }[],
  limits: GateLimits,
  leaseMs: number,
  now: number,
): { state: GateState; answers: GateAnswer[] } {
  let state = { ...settled(before, now), limits, bucket: refill(before.bucket, limits, now) };
  const answers = jobs.map(({ id }) => {
    const [next, answer] = enterOne(state, id, leaseMs, now);
    state = next;
    return answer;
  });
  return { state, answers };
}

/** Frees the slots and reports the results to the breaker. Unknown or expired leases are ignored. */
export function leave(before: GateState, reports: readonly LeaveReport[], now: number): GateState {
  return reports.reduce((state, report) => leaveOne(state, report, now), settled(before, now));
}

/** Reserves nothing: an admitted job must still enter. Held jobs with a message go first. */
export function admit(before: GateState, limit: number, now: number): Admission {
  const state = settled(before, now);
  const perSecond = throughput(state);
  if (state.breaker.openUntil !== null) {
    const due = breakerDue(state.breaker, now) && state.breaker.probe === null;
    return { count: due ? Math.min(1, limit) : 0, until: due ? now : openUntil(state, now), perSecond };
  }
  const free = Math.min(concurrencyOf(state) - state.leases.length, refill(state.bucket, state.limits, now).tokens ?? Infinity);
  const count = Math.floor(Math.max(0, free) + perSecond * 60) - state.held.length;
  return { count: Math.max(0, Math.min(limit, count)), until: now + minuteMs, perSecond };
}

/** The status under these limits. */
export function status(before: GateState, limits: GateLimits, now: number): GateStatus {
  const state = { ...settled(before, now), limits };
  const { openUntil: until, failures } = state.breaker;
  return {
    openedAt: until === null ? null : (state.breaker.openedAt ?? null),
    circuit: until === null ? "closed" : breakerDue(state.breaker, now) ? "half-open" : "open",
    openUntil: until,
    failures,
    inside: state.leases.length,
    concurrency: concurrencyOf(state),
    tokens: refill(state.bucket, state.limits, now).tokens,
    perSecond: state.limits.perSecond ?? null,
    held: state.held.map(({ job }) => job),
    lastFailure: state.lastFailure,
    refusal: state.breaker.openUntil === null ? null : state.refusal,
  };
}

/** Opens the circuit until then. Jobs inside are of an older generation: their results do not close it. */
export function holdUntil(before: GateState, until: number, now: number, reason?: string): GateState {
  const state = settled(before, now);
  const refusal = { at: now, reason: reason?.slice(0, maxReason) ?? null };
  const { breaker } = state;
  const open = { ...breaker, generation: breaker.generation + 1, openUntil: until, openedAt: openedAt(breaker, now), probe: null };
  return { ...state, refusal, breaker: open };
}

/**
 * Closes the circuit, forgets which jobs were held back, and sets the limits. Jobs inside stay counted and the tokens stay as they are, so that the
 * limits are not exceeded.
 */
export function reset(before: GateState, limits: GateLimits, now: number): GateState {
  const state = settled(before, now);
  return { ...state, limits, breaker: closed(state.breaker.generation + 1), held: [], refusal: null };
}

/** Makes an open circuit admit one probe now. */
export function probe(before: GateState, now: number): GateState {
  const state = settled(before, now);
  return { ...state, breaker: breakerProbed(state.breaker, now) };
}

function enterOne(state: GateState, job: string, leaseMs: number, now: number): [GateState, GateAnswer] {
  const existing = state.leases.find((lease) => lease.job === job);
  if (existing && existing.generation === state.breaker.generation) return [prolonged(state, existing, now + leaseMs), granted(state, existing)];
  const circuitOpen = state.breaker.openUntil !== null;
  if (circuitOpen && !(breakerDue(state.breaker, now) && state.breaker.probe === null)) return held(state, job, "open", openUntil(state, now), now);
  // A lease of an older generation belongs to this job: it is exchanged for a new one.
  const leases = state.leases.filter((lease) => lease !== existing);
  if (leases.length >= concurrencyOf(state)) return held(state, job, "concurrency", freeAt(state, job, now), now);
  const bucket = takeToken(state.bucket);
  if (!bucket) return held(state, job, "rate", tokenAt(state, job, now), now);
  const generation = circuitOpen ? state.breaker.generation + 1 : state.breaker.generation;
  const lease: GateLease = { job, lease: `${generation}-${state.serial}`, generation, since: now, expires: now + leaseMs };
  const next: GateState = {
    ...state,
    bucket,
    serial: state.serial + 1,
    leases: [...leases, lease],
    held: without(state.held, job),
    breaker: circuitOpen ? { ...state.breaker, generation, probe: lease.lease } : state.breaker,
  };
  return [next, granted(next, lease)];
}

function prolonged(state: GateState, known: GateLease, expires: number): GateState {
  return { ...state, leases: state.leases.map((lease) => (lease === known ? { ...lease, expires: Math.max(lease.expires, expires) } : lease)) };
}

function granted(state: GateState, { lease }: GateLease): Granted {
  return { granted: true, lease, probe: state.breaker.probe === lease };
}

/** A held job is counted only if its message comes back; a parked job waits for the tick. */
function held(state: GateState, job: string, reason: Held["reason"], until: number, now: number): [GateState, GateAnswer] {
  const others = without(state.held, job);
  const park = until - now > maxWaitMs || others.length >= maxHeld;
  const waiting = others.length === state.held.length ? [...others, { job, until }] : state.held.map((each) => (each.job === job ? { job, until } : each));
  return [
    { ...state, held: park ? others : waiting },
    { granted: false, reason, until, park },
  ];
}

function leaveOne(state: GateState, { id, lease: name, calls, reason }: LeaveReport, now: number): GateState {
  const lease = state.leases.find((each) => each.lease === name && each.job === id);
  if (!lease) return state;
  const next: GateState = {
    ...state,
    leases: state.leases.filter((each) => each !== lease),
    stay: state.stay + (Math.max(0, now - lease.since) - state.stay) / 8,
    bucket: calls === "none" ? refund(state.bucket, state.limits) : state.bucket,
  };
  if (lease.generation !== state.breaker.generation) return next;
  const lastFailure = calls === "transient" ? { at: now, reason: reason?.slice(0, maxReason) ?? null } : state.lastFailure;
  const breaker = judged(state.breaker, calls, state.limits.breaker ?? {}, now);
  return { ...next, lastFailure, breaker, refusal: breaker.openUntil === null ? null : state.refusal };
}

function judged(breaker: Breaker, calls: GateReport, limits: BreakerLimits, now: number): Breaker {
  if (calls === "answered") return breakerAnswered(breaker);
  if (calls === "transient") return breakerFailed(breaker, { ...defaultBreaker, ...defined(limits) }, now);
  return breaker;
}

function defined(limits: BreakerLimits): Partial<Record<keyof BreakerLimits, number>> {
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
}

/** Removes expired leases. After a probe that expired, or made no call, the next job is the probe. */
function settled(state: GateState, now: number): GateState {
  const leases = state.leases.filter((lease) => lease.expires > now);
  const held = state.held.filter((each) => each.until + heldGraceMs > now);
  const { breaker } = state;
  const probing = breaker.probe === null || leases.some((lease) => lease.lease === breaker.probe);
  return { ...state, leases, held, breaker: probing ? breaker : { ...breaker, probe: null } };
}

function concurrencyOf(state: GateState): number {
  return state.limits.concurrency ?? defaultConcurrency;
}

/** Jobs a second that slots and rate admit. */
function throughput(state: GateState): number {
  return Math.min(bucketOf(state.limits).perSecond, (concurrencyOf(state) * 1000) / Math.max(100, state.stay));
}

function openUntil(state: GateState, now: number): number {
  const { openUntil: until, probe } = state.breaker;
  if (probe === null) return until ?? now;
  const expires = state.leases.find((lease) => lease.lease === probe)?.expires ?? now;
  return Math.max(now + 1000, Math.min(expires, now + probeWaitMs));
}

/** Jobs held back before it go first; each slot serves one job after the other. */
function freeAt(state: GateState, job: string, now: number): number {
  return now + Math.max(1000, Math.ceil(((ahead(state, job) + 1) * Math.max(100, state.stay)) / concurrencyOf(state)));
}

function tokenAt(state: GateState, job: string, now: number): number {
  const missing = ahead(state, job) + 1 - (state.bucket.tokens ?? 0);
  return now + Math.max(1, Math.ceil((missing * 1000) / bucketOf(state.limits).perSecond));
}

function ahead(state: GateState, job: string): number {
  const place = state.held.findIndex((each) => each.job === job);
  return place === -1 ? state.held.length : place;
}

function without(held: GateState["held"], job: string): GateState["held"] {
  return held.some((each) => each.job === job) ? held.filter((each) => each.job !== job) : held;
}
