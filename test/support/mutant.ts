import type { Gates } from "../../src/queue/ports/gates";
import type { Ledger } from "../../src/queue/ports/ledger";
import type { Step } from "./steps";

/** A fault put into the engine from outside: its calls to a port and the answers are changed. */
export interface Mutant {
  name: string;
  /** The sentence of the checker that must name the fault. */
  caughtBy: RegExp;
  /** The shortest way on which it shows. Without the mutant nothing is wrong there. */
  steps: readonly Step[];
  ledger?(ledger: Ledger): Ledger;
  /** Which of the messages the queue gets; it answers as if it had taken all of them. */
  send?(messages: readonly MessageSendRequest[], queue: string): MessageSendRequest[];
  gates?(gates: Gates): Gates;
  /** The idempotency key that the provider gets, by the key of the engine and the number of runs before. */
  key?(key: string, runs: number): string;
  /** What becomes of a message that is to be delivered again. */
  retry?(): "ack";
  /** After the queue handler has ended. */
  afterBatch?(): Promise<void>;
}

export const job = { do: "enqueue", key: null, strict: false, delay: 0, late: false, dies: null } as const;
export const deliver = { do: "deliver", pick: 255, split: false, dies: null } as const;
export const first = { ...deliver, pick: 1 };
export const slowly = { do: "deliver-slowly", which: 0, when: "before" } as const;
export const slowlyAfter = { ...slowly, when: "after" } as const;
export const overtake = { do: "overtake", which: 0, when: "before" } as const;
export const goOn = { do: "go-on", which: 0, dies: null } as const;
export const heavy = { do: "heavy", other: false } as const;
export const later = { do: "advance", ms: 200_000 } as const;
