/** The result of a call as the circuit breaker counts it: `answered` is any answer, a refusal too. */
export type CallResult = "answered" | "transient";
/** The result of a job's calls; `none`: it made none. */
export type GateReport = CallResult | "none";

export type Entry = { granted: true; lease: string } | { granted: false; reason: string; until: number; park: boolean };

export interface LeaveReport {
  id: string;
  lease: string;
  calls: GateReport;
  /** Why, where calls failed; redacted. */
  reason?: string | undefined;
}

/** Gates per tenant and dependency, which may hold jobs back. Never throws: a gate that cannot be reached holds back. */
export interface Gates {
  enter(tenant: string, gate: string, ids: readonly string[], leaseMs: number, now: number): Promise<Entry[]>;
  leave(tenant: string, gate: string, reports: readonly LeaveReport[], now: number): Promise<void>;
  /** How many of `waiting` parked jobs may be let in during the coming minute, and how fast (per second). */
  admit(tenant: string, gate: string, waiting: number, now: number): Promise<{ count: number; perSecond: number }>;
}
