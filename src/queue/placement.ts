import { dayMs, hourMs, minuteMs } from "../time/day";

/**
 * Where an open job waits for its next run, as columns of its row. Nothing else decides it; docs/lifecycle.md lists the moves.
 * All times are whole milliseconds.
 */
export interface Placement {
  /** Not before this time; null: at once. */
  due: number | null;
  /** When its message becomes deliverable; null: it waits in the ledger, without one. */
  sent: number | null;
  /** Time of its side row, when the tick looks at it; null: the scan over the ids finds it. */
  wake: number | null;
  /** Parked at this gate: its side row lies there, ordered by `wake`. */
  gate: string | null;
}

/** Delays up to this travel with the message; longer ones wait in the ledger. */
export const maxRideMs = 15 * minuteMs;
/** Waits up to this keep their message; longer ones are parked. */
export const maxHoldMs = 60_000;
/** How long after a message became deliverable the tick looks for it. */
export const sweepAfterMs = 10 * minuteMs;
/** With each sweep that time doubles, up to this. */
export const maxSweepMs = 6 * hourMs;
/** A message not seen for this long is lost if its queue holds none as old. */
const lostAfterMs = 2 * minuteMs;
/** Factor on the waiting time while the queue still holds older messages. */
const behindFactor = 4;
/** A gate admits parked jobs by age; an urgent job counts as this much older. */
const urgentAheadMs = 30 * dayMs;

/** A message is on its way and deliverable now. */
export function queuedNow(now: number): Placement {
  return { due: null, sent: now, wake: now + sweepAfterMs, gate: null };
}

/** Held back until a time: with a delayed message when that is no further than `maxMs`, else by its side row alone. */
export function heldUntil(due: number, now: number, maxMs = maxRideMs): Placement {
  const rides = due - now <= maxMs;
  return { due, sent: rides ? due : null, wake: rides ? due + sweepAfterMs : due, gate: null };
}

/** As `heldUntil` where there is such a time and it is not over, else queued now. */
export function heldOrQueued(due: number | null, now: number): Placement {
  return due === null || due <= now ? queuedNow(now) : heldUntil(due, now);
}

/** Parked at a gate: without a message until the gate admits it. `at` is its place: when the job was enqueued, or now for the last place. Milliseconds. */
export function parkedAt(gate: string, at: number, urgent: boolean): Placement {
  return { due: null, sent: null, wake: urgent ? at - urgentAheadMs : at, gate };
}

/**
 * A job's row as it is first written. The scan over the ids finds it ten minutes later; one that is written late may lie behind the scan's
 * watermark and has a side row.
 */
export function acceptedAt(at: number, due: number | null, now: number): Placement {
  if (due !== null) return heldUntil(due, now);
  return { due: null, sent: at, wake: now - at > sweepAfterMs / 2 ? now + sweepAfterMs : null, gate: null };
}

/** Brought back by the tick with a copy that is deliverable after `delaySeconds`. `sweeps`: how often its message was lost, this time included. */
export function broughtBack(now: number, delaySeconds: number, sweeps: number): Placement {
  const sent = now + delaySeconds * 1000;
  return { due: delaySeconds > 0 ? sent : null, sent, wake: now + Math.min(maxSweepMs, sweepAfterMs * 2 ** sweeps), gate: null };
}

/** Seconds until the copy is deliverable that belongs to a placement; null: it has none. */
export function copyDelay({ sent }: Placement, now: number): number | null {
  return sent === null ? null : Math.max(0, Math.ceil((sent - now) / 1000));
}

/**
 * When the tick is to look again for a message that was sent; "now": it counts as lost. `oldest`: when the oldest message of its queue was sent,
 * infinity for an empty queue, null if that is not known.
 */
export function nextCheckAt({ sent, sweeps }: { sent: number; sweeps: number }, oldest: number | null, now: number): number | "now" {
  const silentMs = now - sent;
  if (oldest !== null && oldest > sent && silentMs >= lostAfterMs) return "now";
  // A queue that still holds older messages most likely holds this one too: a copy would only stand further back.
  const behind = oldest !== null && oldest <= sent ? behindFactor : 1;
  const maxSilentMs = Math.min(maxSweepMs, sweepAfterMs * 2 ** sweeps * behind);
  return silentMs >= maxSilentMs ? "now" : sent + maxSilentMs;
}
