import { plural } from "../../decimal";
import type { GateView } from "../gates/model";
import { type RemedyCall, isoSeconds, type Why } from "./model";

/** Why a gate lets no job in, the same for every job that waits at it. */
type GateWhy = Pick<Why, "code" | "sentence" | "actions" | "until">;

/** Null: it would let one in. */
export function gateWhy(gate: GateView): GateWhy | null {
  const { dependency, slots, rate } = gate;
  const waiting = waitingFor(gate);
  if (gate.circuit === "open" || gate.circuit === "half-open") {
    const until = gate.openUntil === null ? {} : { until: gate.openUntil };
    return { ...until, code: "circuit-open", sentence: circuitSentence(gate), actions: gateActions(dependency) };
  }
  if (gate.circuit === "unknown")
    return { code: "gate-unreachable", sentence: `The gate of ${dependency} does not answer; its jobs wait and are tried again automatically.`, actions: [] };
  if (slots.used >= slots.max)
    return { code: "at-limit", sentence: `${dependency} is at its limit, ${slots.used} of ${slots.max} at once; ${waiting}.`, actions: [] };
  if (rate && rate.available < 1) return { code: "rate-limited", sentence: `${dependency} takes ${rate.perSecond} a second; ${waiting}.`, actions: [] };
  return null;
}

/** When the circuit opened, as far as it is known: milliseconds. A gate of an earlier version has its newest failure alone. */
export function openSince({ openedAt, refusal, failures, lastFailure }: GateView): number | null {
  return openedAt ?? refusal?.at ?? (failures > 0 ? (lastFailure?.at ?? null) : null);
}

export function circuitSentence(gate: GateView): string {
  const { dependency, openUntil, failures, lastFailure, refusal, circuit } = gate;
  const until = openUntil === null ? "" : ` until ${isoSeconds(openUntil)}`;
  const because = failures > 0 ? ` after ${plural(failures, "failure")} in a row` : "";
  // A circuit that was opened for wrong settings counts no failure: an older one is not its cause.
  const cause = refusal?.reason ?? (failures > 0 ? lastFailure?.reason : null);
  const reason = cause ? ` (${cause})` : "";
  if (circuit === "half-open") return `The circuit of ${dependency} lets one job try now${because}${reason}; ${waitingFor(gate)}.`;
  return `The circuit of ${dependency} is open${until}${because}${reason}; ${waitingFor(gate)}. One job will try then.`;
}

/** The sentence of a circuit that is not open any more. */
export function pastCircuitSentence(sentence: string): string {
  return sentence.replace(/ is open(?: until [\w:-]+)?| lets one job try now/, " was open").replace(/ waits? for it\..*$/, " waited for it.");
}

export function gateActions(dependency: string): RemedyCall[] {
  const path = `/v1/gates/${dependency}`;
  return [
    { method: "POST", path: `${path}/probe`, label: "Probe now" },
    { method: "POST", path: `${path}/reset`, label: "Close the circuit" },
  ];
}

function waitingFor({ held, parked }: GateView): string {
  const count = held + parked;
  return `${plural(count, "job")} wait${count === 1 ? "s" : ""} for it`;
}
