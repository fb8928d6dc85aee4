import { maxQueueDelaySeconds } from "./backoff";
import { aboutJob } from "../trace";
import { buryMismatch } from "./accept/bury";
import type { Engine } from "./engine";
import type { Delivery } from "./run/delivery";
import { clockToleranceMs } from "./lease";
import type { FoundJob, MessageRef } from "./ports/run-ledger";
import { redactedReason } from "../masking/redact";
import { reviveAtDelivery } from "./revive";
import { rowFromDelivery } from "./accept/row-on-demand";
import { isTerminal, revivedByKey } from "./state";

/** What becomes of a message whose job was not claimed. */
type Disposition =
  | { do: "ack" }
  /** Deliver again after this many seconds. */
  | { do: "redeliver"; seconds: number }
  /** The lease expired, or the job crashed before: claim it alone. */
  | { do: "alone" }
  /** The key was sent again after the job had ended: bring it back. */
  | { do: "revive" }
  /** Another payload under the same key: a dead letter of its own. */
  | { do: "bury" }
  /** It has a cancel flag and no run holds it. */
  | { do: "cancel" }
  /** It was cancelled before it had a row: the message fills in what describes it. */
  | { do: "describe" };

/** The one table, see docs/lifecycle.md. Pure. */
export function dispositionOf(
  message: { seq: number; fp: string | null; acceptedWithoutLedgerAt?: number | undefined },
  row: FoundJob,
  now: number,
  random: () => number,
): Disposition {
  // First: the message is another job, accepted under the same key while the ledger was away; the state of the row's own job does not matter.
  if (row.fp !== null && message.fp !== null && row.fp !== message.fp) return { do: "bury" };
  if (isSentAfter(message, row)) return { do: "revive" };
  if (row.queue === "") return { do: "describe" };
  if (isTerminal(row.state) || row.seq > message.seq) return { do: "ack" };
  if (row.state === "running" && row.until > now) return { do: "redeliver", seconds: secondsTo(row.until, now) + Math.floor(random() * 5) };
  if (row.cancel) return { do: "cancel" };
  if (row.due !== null && row.due > now + clockToleranceMs) return { do: "redeliver", seconds: secondsTo(row.due, now) };
  if (row.state === "running" || row.crash) return { do: "alone" };
  // Claimable, but not claimed: the row changed between the claim and this read. Deliver again in a second.
  return { do: "redeliver", seconds: 1 };
}

/** Answers a job that was not claimed. True: it must be claimed alone, once the others of its batch are settled. Never throws. */
export async function answerUnclaimed(engine: Engine, delivery: Delivery, row: FoundJob): Promise<boolean> {
  const { envelope, acceptedWithoutLedgerAt } = delivery;
  const disposition = dispositionOf({ seq: envelope.seq, fp: envelope.fp ?? null, acceptedWithoutLedgerAt }, row, engine.now(), engine.random);
  if (disposition.do === "alone") return true;
  try {
    if (disposition.do === "redeliver") delivery.redeliver(engine, disposition.seconds);
    else {
      if (disposition.do === "bury") await buryMismatch(engine, envelope);
      if (disposition.do === "revive") await reviveAtDelivery(engine, delivery);
      if (disposition.do === "describe") await engine.ledger.insert([rowFromDelivery(engine, delivery)]);
      if (disposition.do === "cancel") await engine.ledger.cancel(envelope, engine.now());
      delivery.ack();
    }
  } catch (thrown) {
    engine.emit({ event: "trouble", where: disposition.do, reason: redactedReason(thrown), ...aboutJob(envelope) });
    delivery.redeliver(engine);
  }
  return false;
}

/** The part of a message that the claim needs. */
export function refOf({ envelope: { tenant, id, seq, fp, at }, contract: { policy } }: Delivery): MessageRef {
  return { tenant, id, seq, fp: fp ?? null, at, maxAttempts: policy.maxAttempts };
}

/** False for a copy of the message that made the job, or that brought it back before: it was accepted before the job ended. */
function isSentAfter(
  { fp, acceptedWithoutLedgerAt }: { fp: string | null; acceptedWithoutLedgerAt?: number | undefined },
  { state, ended, fp: known }: FoundJob,
): boolean {
  return (
    acceptedWithoutLedgerAt !== undefined &&
    ended !== null &&
    revivedByKey.includes(state) &&
    ended < acceptedWithoutLedgerAt - clockToleranceMs &&
    known === fp
  );
}

/** Whole seconds from now until a time, at least one and at most a day. */
export function secondsTo(time: number, now: number): number {
  return Math.min(maxQueueDelaySeconds, Math.max(1, Math.ceil((time - now) / 1000)));
}
