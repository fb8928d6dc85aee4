import type { LastFailure } from "../../tenants/gate-state";

/** A gate of a tenant: what may hold back the jobs that call one dependency. Times in milliseconds. */
export interface GateView {
  /** Its name: a connection's, `shop:{site}`, `subscription-{name}`, `destination-{name}`, `hook-{host}`, … */
  dependency: string;
  /** `unknown`: the gate did not answer; the numbers below are zero then. */
  circuit: "closed" | "open" | "half-open" | "unknown";
  /** When the open circuit lets one job try; null while it is closed. */
  openUntil: number | null;
  /** Transient failures in a row. */
  failures: number;
  slots: { used: number; max: number };
  /** Null without a limit of rate. */
  rate: { perSecond: number; available: number } | null;
  /** Open jobs held back that come again by themselves, and those parked without a message. */
  held: number;
  parked: number;
  lastFailure: LastFailure | null;
  /** Why the circuit was opened for wrong settings; null where failures opened it, or nothing did. */
  refusal?: LastFailure | null;
}

/** The gates of what calls or reads one shop. */
export function siteGates(site: string): string[] {
  return ["shop", "orders", "products", "supplier-orders"].map((kind) => `${kind}:${site}`);
}

export function subscriptionGate(name: string): string {
  return `subscription-${name}`;
}

export function destinationGate(name: string): string {
  return `destination-${name}`;
}
