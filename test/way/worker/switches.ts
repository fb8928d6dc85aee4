/**
 * What a store does: `down` refuses at once; `unanswered` does what was asked and then loses the answer.
 */
export type Trouble = "up" | "down" | "unanswered";

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

/** One call to a store, as its trouble lets it pass. */
export async function through<T>(trouble: Trouble, what: string, act: () => Promise<T>): Promise<T> {
  if (trouble === "up" || switches.met >= switches.times) return act();
  switches.met++;
  if (trouble === "down") throw new Error(`${what} is down`);
  const answer = await act();
  if (trouble === "unanswered") throw new Error("Network connection lost.");
  return answer;
}

export function shortened(seconds: number | undefined): number {
  return Math.min(seconds ?? 0, switches.longestDelay ?? Infinity);
}

const clock = Date.now;
Date.now = () => clock() + switches.ahead;
