import type { LastFailure } from "../../tenants/gate-state";

/** A gate of a tenant, which limits the calls to one dependency. Times in milliseconds. */
export interface GateView {
  /** The name of the dependency: a connection's, `shop:{site}`, `subscription-{name}`, `destination-{name}`, `hook-{host}`, … */
  dependency: string;
  /** `unknown`: the gate did not answer; the numbers below are zero then. */
  circuit: "closed" | "open" | "half-open" | "unknown";
  /** When the open circuit admits a probe; null while it is closed. */
  openUntil: number | null;
  /** When the circuit opened; null while it is closed, or where that is not known. */
  openedAt?: number | null;
  /** Transient failures in a row. */
  failures: number;
  slots: { used: number; max: number };
  /** Null without a rate limit. */
  rate: { perSecond: number; available: number } | null;
  /** Open jobs that are held back with a message, and those parked without one. */
  held: number;
  parked: number;
  lastFailure: LastFailure | null;
  /** Why the circuit was opened for wrong settings; null where failures opened it, or it is closed. */
  refusal?: LastFailure | null;
}

/** The gates of the jobs of one shop. */
export function siteGates(site: string): string[] {
  return ["shop", "orders", "products", "supplier-orders"].map((kind) => `${kind}:${site}`);
}

export function subscriptionGate(name: string): string {
  return `subscription-${name}`;
}

export function destinationGate(name: string): string {
  return `destination-${name}`;
}
