import { isOutcome, retry, type Outcome } from "./outcome";

/** Why a run is ended from outside, or by the ledger's refusal. */
export type EndReason = "cancelled" | "timeout" | "lost";

/** How an execution ended: the outcome of its run, or what the engine decided. `lost`: another run holds the job, so nothing is recorded. */
export type Decision = Outcome | { kind: "cancelled" } | { kind: "lost" } | { kind: "dead"; reason: string };

/** The decision that follows from what a run returned and from why it was ended, if it was. Pure. */
export function decisionFrom(returned: unknown, ended: EndReason | undefined, timeoutSeconds: number): Decision {
  const outcome = isOutcome(returned) ? returned : undefined;
  if (ended === "timeout") return savedInGrace(outcome) ?? retry(`timed out after ${timeoutSeconds} s`);
  if (ended && outcome?.kind !== "done") return { kind: ended };
  return outcome ?? retry("the run ended without an outcome: it must return done, retry, wait, again or discard");
}

/** What a run returned in its grace after the time-out counts if it is done after all, or yields with a cursor. */
function savedInGrace(outcome: Outcome | undefined): Outcome | undefined {
  return outcome?.kind === "done" || outcome?.kind === "again" ? outcome : undefined;
}
