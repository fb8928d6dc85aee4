import fc from "fast-check";
import { type Ending, endings } from "./script";

/**
 * What may happen next. Numbers that pick something are taken modulo what there is; `dies` is the number of calls to the outside after which the
 * isolate dies; `old`: by an isolate of the deployment before; `skew`: how far its clock is off, in milliseconds.
 */
export type Step =
  | Enqueue
  | { do: "deliver"; pick: number; split: boolean; dies: number | null; old?: boolean; skew?: number }
  | { do: "deliver-slowly"; which: number; when: "before" | "after" }
  | { do: "overtake"; which: number; when: "before" | "after" }
  | { do: "go-on"; which: number; dies: number | null }
  | { do: "duplicate" | "lose" | "cancel"; which: number }
  | { do: "retry-now"; which: number; dies: number | null }
  | { do: "ledger"; is: "up" | "down" | "mute" }
  | { do: "send"; is: "up" | "down" }
  | { do: "pause" | "lift"; scope: "queue" | "type" | "tenant" }
  | { do: "late-rows" }
  /** One of the two tenants takes more of the queue than its share. */
  | { do: "heavy"; other: boolean }
  | { do: "advance"; ms: number }
  | { do: "tick"; dies: number | null };

export interface Enqueue {
  do: "enqueue";
  key: number | null;
  script: Ending[];
  strict: boolean;
  delay: number;
  late: boolean;
  dies: number | null;
  /** By a tenant of its own. */
  other?: boolean;
  /** Held by a gate that lets one in at a time. */
  gated?: boolean;
  old?: boolean;
  /** So many further jobs of the same call, without a key: they travel in one message. */
  beside?: number;
}

const which = fc.nat({ max: 7 });
const never = fc.constant(null);
const seldom = fc.oneof({ weight: 4, arbitrary: never }, { weight: 1, arbitrary: fc.integer({ min: 1, max: 9 }) });
const scope = fc.constantFrom("queue", "type", "tenant" as const);
const sometimes = fc.constantFrom(false, false, false, true);
const skew = fc.constantFrom(0, 0, 0, -4000, 4000);

/** What may happen on a good day (messages may be lost or doubled, and the same job called for twice), and on a bad one. */
export function steps(day: "calm" | "stormy"): fc.Arbitrary<Step[]> {
  const dies = day === "calm" ? never : seldom;
  const calm: fc.WeightedArbitrary<Step>[] = [
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant("enqueue" as const),
        key: fc.oneof({ weight: 2, arbitrary: never }, { weight: 1, arbitrary: fc.nat({ max: 1 }) }),
        script: fc.array(fc.constantFrom(...endings, "again", "retry"), { maxLength: 4, size: "max" }),
        strict: fc.boolean(),
        delay: fc.constantFrom(0, 0, 0, 30, 600, 3600),
        late: fc.boolean(),
        dies,
        other: sometimes,
        gated: sometimes,
        old: sometimes,
        beside: fc.constantFrom(0, 0, 1, 2, 4),
      }),
    },
    {
      weight: 9,
      arbitrary: fc.record({
        do: fc.constant("deliver" as const),
        pick: fc.constantFrom(255, 255, 1, 2, 85, 170),
        split: fc.boolean(),
        dies,
        old: sometimes,
        skew,
      }),
    },
    { weight: 4, arbitrary: fc.record({ do: fc.constantFrom("duplicate", "duplicate", "lose", "cancel" as const), which }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("retry-now" as const), which, dies }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("send" as const), is: fc.constantFrom("up", "down" as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("pause", "lift" as const), scope }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("late-rows" as const) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("heavy" as const), other: sometimes }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant("advance" as const), ms: fc.constantFrom(1000, 20_000, 60_000, 200_000, 660_000, 3_600_000) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("tick" as const), dies }) },
  ];
  const stormy: fc.WeightedArbitrary<Step>[] = [
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constantFrom("deliver-slowly", "overtake" as const), which, when: fc.constantFrom("before", "after" as const) }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("go-on" as const), which, dies }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("ledger" as const), is: fc.constantFrom("up", "up", "up", "down", "mute" as const) }) },
  ];
  return fc.array(fc.oneof(...calm, ...(day === "calm" ? [] : stormy)), { minLength: 4, maxLength: 40, size: "max" });
}
