import type { Queue } from "../answers";

type HeldBy = Pick<Queue, "heldBy" | "why">;

/** What holds most jobs of a queue, for a person. Undefined: nothing holds any. */
export function topHeldText({ heldBy, why }: HeldBy): string | undefined {
  const [top] = heldBy;
  return top && heldText(top.cause, why);
}

/** A cause of `heldBy`. `why` is asked whether the circuit of a gate is still open: jobs that waited at it keep that reason until they go on. */
export function heldText(cause: string, why: HeldBy["why"]): string {
  const [, scope, name] = /^pause\/(queue|type|tenant)\/(.+)$/.exec(cause) ?? [];
  if (scope !== undefined) return `by the pause of the ${scope} ${name}`;
  // For a parked job only the gate is known.
  const [, gate, reason] = /^([a-z0-9][a-z0-9.:[\]_-]{0,279}?)(?:: (open|concurrency|rate))?$/.exec(cause) ?? [];
  if (gate === undefined) return `– ${cause}`;
  if (reason === undefined) return why?.code === "circuit-open" && why.sentence.includes(gate) ? `by the open circuit of ${gate}` : `at ${gate}`;
  if (reason === "open") return isClosedAgain(gate, why) ? `at ${gate}, go on within a minute` : `by the open circuit of ${gate}`;
  return reason === "rate" ? `by the rate of ${gate}` : `by the limit of ${gate}`;
}

function isClosedAgain(gate: string, why: HeldBy["why"]): boolean {
  return why !== null && why.code !== "circuit-open" && why.sentence.includes(gate);
}
