import type { FaultSpec } from "../sandbox/faults.ts";
import type { Switches } from "../../test/way/worker/switches.ts";

/** One thing that goes wrong. Times in milliseconds from the first post. */
export type Fault = { at: number } & (
  | { is: "kill" }
  | { is: "abort" }
  | { is: "binding"; for: number; switches: Partial<Switches> }
  | { is: "provider"; for: number; spec: FaultSpec }
  | { is: "versions"; for: number; share: number }
  | { is: "remote-worker" }
  | { is: "two-ticks" }
);

export interface Schedule {
  seed: number;
  /** Milliseconds in which posts are sent and faults begin. */
  length: number;
  /** How rows are written: `local` before the message (and a runtime may be killed), `deployed` on demand (and messages outlive an isolate). */
  mode: "local" | "deployed";
  faults: Fault[];
}

type Dice = () => number;

const between = (dice: Dice, least: number, most: number) => least + Math.floor(dice() * (most - least + 1));
const oneOf = <T>(dice: Dice, all: readonly T[]): T => all[Math.floor(dice() * all.length)] as T;

const statements = ["INSERT INTO jobs", "state = 'running', lease = ?2", "INSERT INTO effects", "ended = iif", "history", ""];
const kinds = [
  "db",
  "db",
  "db",
  "queue",
  "delivery",
  "delivery",
  "store",
  "gate",
  "provider",
  "provider",
  "provider",
  "provider",
  "death",
  "death",
  "versions",
] as const;

/** What goes wrong in a run of this seed, `count` faults and some of each kind of death: the same numbers give the same faults. */
export function scheduleOf(seed: number, length: number, count: number, dice: Dice): Schedule {
  const mode = seed % 2 === 0 ? "deployed" : "local";
  const faults = Array.from({ length: count }, () => ({ at: between(dice, 1500, length), ...faultOf(oneOf(dice, kinds), mode, dice) }) as Fault);
  // At least one of each kind of death, and some time of two releases.
  faults.push(
    { at: between(dice, 1500, length), ...faultOf("versions", mode, dice) } as Fault,
    { at: between(dice, 2000, length), is: mode === "local" ? "kill" : "abort" },
    { at: between(dice, 2000, length), is: "remote-worker" },
    { at: between(dice, 2000, length), is: "two-ticks" },
  );
  return { seed, length, mode, faults: faults.toSorted((one, other) => one.at - other.at) };
}

function faultOf(kind: (typeof kinds)[number], mode: Schedule["mode"], dice: Dice): object {
  const rate = oneOf(dice, [0.05, 0.2, 0.5, 1]);
  const lasting = between(dice, 1000, 6000);
  const binding = (switches: Partial<Switches>) => ({ is: "binding", for: lasting, switches });
  const trouble = oneOf(dice, ["down", "unanswered"] as const);
  switch (kind) {
    case "db":
      return binding({ db: trouble, dbOnly: oneOf(dice, statements), rates: { db: rate } });
    case "queue":
      return binding({ queue: trouble, rates: { queue: rate } });
    case "delivery":
      return binding({
        ...oneOf(dice, [{ twice: true }, { shuffle: true }, { unacked: true }]),
        rates: { twice: rate, shuffle: rate, unacked: Math.min(rate, 0.5) },
      });
    case "store":
      return binding({ ...oneOf(dice, [{ kv: trouble }, { r2: trouble }, { analytics: "down" as const }]), rates: { kv: rate, r2: rate } });
    case "gate":
      return binding({ gate: trouble, rates: { gate: rate } });
    case "provider":
      return { is: "provider", for: lasting, spec: specOf(dice) };
    case "versions":
      return { is: "versions", for: lasting * 2, share: oneOf(dice, [0.3, 0.7]) };
    case "death":
      return { is: mode === "local" && dice() < 0.6 ? "kill" : "abort" };
  }
}

function specOf(dice: Dice): FaultSpec {
  const provider = oneOf(dice, ["mail", "mail", "make", "slack", "crm", "models", "shop"]);
  const rate = oneOf(dice, [0.1, 0.3, 0.8]);
  const how = oneOf<FaultSpec>(dice, [
    { status: 500 },
    { status: 503, headers: { "retry-after": "2" } },
    { status: 429, headers: { "retry-after": "1" } },
    { reset: true },
    { reset: true, afterAccept: true },
    { status: 500, afterAccept: true },
    { timeoutAfterAccept: true, times: 5 },
    { malformed: true },
    { cutBody: true },
    { delayMs: between(dice, 200, 4000) },
    { body: "<html>We are back soon.</html>", headers: { "content-type": "text/html" } },
  ]);
  // Slack's 500 means that nothing was posted; that of a gateway before it leaves it open.
  const lies = provider === "slack" && how.status === 500 && how.afterAccept;
  return { provider, rate, ...how, ...(lies ? { status: 502 } : {}) };
}

/** Whether an answer of the ledger or a run may be lost in this fault: what is sent at least once may then be sent twice. */
export function losesAnswers(fault: Fault): boolean {
  return fault.is === "kill" || fault.is === "abort" || (fault.is === "binding" && (fault.switches.db ?? "up") !== "up");
}

export function sentenceOf(fault: Fault): string {
  const at = `${(fault.at / 1000).toFixed(1)} s`;
  if (fault.is === "binding") return `${at}: ${JSON.stringify(fault.switches)} for ${(fault.for / 1000).toFixed(1)} s`;
  if (fault.is === "provider") return `${at}: ${JSON.stringify(fault.spec)} for ${(fault.for / 1000).toFixed(1)} s`;
  if (fault.is === "versions") return `${at}: the release before gets ${fault.share * 100} % of all for ${(fault.for / 1000).toFixed(1)} s`;
  return `${at}: ${{ kill: "kill -9 of the runtime", abort: "the isolate ends", "remote-worker": "kill -9 of the remote worker", "two-ticks": "two ticks at once" }[fault.is]}`;
}
