/**
 * What a store does: `down` refuses at once; `unanswered` does what was asked and then loses the answer.
 */
export type Trouble = "up" | "down" | "unanswered";

export type Troubled = "db" | "kv" | "r2" | "queue" | "gate" | "twice" | "shuffle" | "unacked";

/** What a story may switch while the Worker runs. Lives in the isolate: its end ends every trouble. */
export interface Switches {
  db: Trouble;
  /** Only statements that hold this text are troubled; "" is every one. */
  dbOnly: string;
  kv: Trouble;
  r2: Trouble;
  queue: Trouble;
  gate: Trouble;
  /** Analytics Engine. */
  analytics: "up" | "down";
  /** Messages are sent twice. */
  twice: boolean;
  /** Messages of one call are sent in another order, each with a delay of its own of up to 2 s. */
  shuffle: boolean;
  /** An acknowledgement is lost: the message is delivered again. */
  unacked: boolean;
  /** Share of the calls that a trouble hits, by the switch's name. Default 1. */
  rates: Partial<Record<Troubled, number>>;
  /** So many calls are troubled, the next ones are not. */
  times: number;
  /** How many calls met their trouble. */
  met: number;
  /** The Worker's clock goes ahead of the real one by so much, in milliseconds. */
  ahead: number;
  /** Batches that the Worker is consuming. */
  batches: number;
  /** Seconds: the local queue never makes a message wait longer than this. Null: as asked. */
  longestDelay: number | null;
}

const usual: Switches = {
  db: "up",
  dbOnly: "",
  kv: "up",
  r2: "up",
  queue: "up",
  gate: "up",
  analytics: "up",
  twice: false,
  shuffle: false,
  unacked: false,
  rates: {},
  times: Number.MAX_SAFE_INTEGER,
  met: 0,
  ahead: 0,
  batches: 0,
  longestDelay: null,
};

export const switches: Switches = { ...usual };

export function flip(changes: Partial<Switches>): Switches {
  return Object.assign(switches, changes);
}

export function flipBack(): void {
  // The clock only goes forward: nothing in the ledger may lie in the future.
  flip({ ...usual, ahead: switches.ahead, batches: switches.batches });
}

/** Sets the clock forward unless a batch is being consumed: its leases would run out in the middle of its calls. */
export function passWhenIdle(ahead: number): { passed: boolean } {
  if (switches.batches > 0) return { passed: false };
  switches.ahead = ahead;
  return { passed: true };
}

/** Counts a batch while it is consumed. */
export async function counted(consume: () => Promise<void>): Promise<void> {
  switches.batches++;
  try {
    await consume();
  } finally {
    switches.batches--;
  }
}

/** Whether this call is hit, by the switch's rate. */
export function isHit(name: Troubled): boolean {
  const rate = switches.rates[name] ?? 1;
  return rate >= 1 || Math.random() < rate;
}

/** One call to a store, on its way there and back. */
export type Pass = typeof through;

/** As its trouble lets it pass. */
export async function through<T>(name: Troubled, trouble: Trouble, what: string, act: () => Promise<T>): Promise<T> {
  if (trouble === "up" || switches.met >= switches.times || !isHit(name)) return act();
  switches.met++;
  // R2 names its own faults by a code at the end.
  if (trouble === "down") throw new Error(name === "r2" ? `${what} is down (10001)` : `${what} is down`);
  const answer = await act();
  if (trouble === "unanswered") throw new Error("Network connection lost.");
  return answer;
}

/** How long a message really waits that was to wait so long. */
export function shortened(seconds: number | undefined): number {
  const shorter = Math.min(seconds ?? 0, switches.longestDelay ?? Infinity);
  if (shorter > 0) delayedUntil = Math.max(delayedUntil, clock() + shorter * 1000);
  return shorter;
}

/** Whether the delay of a message may not be over: the local queue does not count it as waiting before. */
export function isDelaying(): boolean {
  // Its timer may be late.
  return clock() < delayedUntil + 100;
}

let delayedUntil = 0;
const clock = Date.now;
Date.now = () => clock() + switches.ahead;
