import { redelivery } from "./backoff";
import { sendStored } from "./bring-back";
import { newRow } from "./prepare";
import { reasonOf } from "../masking/redact";
import type { Engine } from "./engine";
import type { Envelope } from "./envelope";
import type { Job } from "./job";
import type { Claim } from "./ledger";
import { keyOf } from "./ref";
import { revivedByKey, tolerance, verdictOn } from "./verdict";

/** Copies of one job in a batch: they share one verdict. */
export interface Delivery {
  envelope: Envelope;
  messages: Message[];
  /** When the newest of them that could not ask the ledger was accepted. Milliseconds. */
  unaskedAt?: number | undefined;
  definition: Job;
}

/** Everything that was not claimed, by the table; returns what must be claimed alone. */
export async function judge(engine: Engine, claim: Claim, byKey: ReadonlyMap<string, Delivery>): Promise<Delivery[]> {
  const alone: Delivery[] = [];
  for (const row of claim.found) {
    const delivery = byKey.get(keyOf(row));
    if (!delivery) continue;
    const verdict = verdictOn({ ...refOf(delivery.envelope), unaskedAt: delivery.unaskedAt }, row, engine.now(), engine.random);
    if (verdict.do === "ack") ack(delivery.messages);
    else if (verdict.do === "later") for (const message of delivery.messages) message.retry({ delaySeconds: verdict.seconds });
    else if (verdict.do === "alone") alone.push(delivery);
    else if (verdict.do === "revive") await reviveUnasked(engine, delivery);
    else if (verdict.do === "bury") await buryMismatch(engine, delivery);
    else await cancelNow(engine, delivery);
  }
  return alone;
}

/** A second payload under one key, accepted while the ledger was away: a dead letter under an id of its own. */
export async function buryMismatch(engine: Engine, { envelope, messages }: Pick<Delivery, "envelope" | "messages">): Promise<void> {
  try {
    const id = await engine.ids.derive(envelope.tenant, ["mismatch", envelope.id, envelope.fp ?? ""]);
    const reason = `its idempotency key belongs to job ${envelope.id}, which has another payload`;
    const { tenant, type, version, queue, payload, ref, fp, dry } = envelope;
    await engine.ledger.bury([{ id, tenant, type, version, queue, raw: payload ?? "null", ref, reason, fp: fp ?? null, dry }], engine.now());
    ack(messages);
  } catch (thrown) {
    engine.emit({ event: "trouble", where: "bury", reason: reasonOf(thrown), tenant: envelope.tenant, id: envelope.id });
    later(engine, messages);
  }
}

/** Its key was sent again while the ledger was away, after the job had ended: brought back as that call would have done. */
async function reviveUnasked(engine: Engine, { envelope, messages, definition, unaskedAt }: Delivery): Promise<void> {
  const now = engine.now();
  const { due, sent, wake } = newRow(engine, definition.contract, envelope, null);
  const hold = due === null || due <= now ? {} : { hold: { due, sent, wake: wake ?? due } };
  try {
    const job = { tenant: envelope.tenant, id: envelope.id, endedBefore: (unaskedAt ?? 0) - tolerance };
    const rows = await engine.ledger.revive([job], { from: revivedByKey, event: "revived", boot: engine.boot, ...hold }, now);
    // What is due later than a message may wait is sent by the tick.
    if (!hold.hold || sent !== null) await sendStored(engine, rows, now, new Map([[keyOf(envelope), hold.hold ? Math.ceil((hold.hold.due - now) / 1000) : 0]]));
    ack(messages);
  } catch (thrown) {
    engine.emit({ event: "trouble", where: "revive", reason: reasonOf(thrown), tenant: envelope.tenant, id: envelope.id });
    later(engine, messages);
  }
}

async function cancelNow(engine: Engine, { envelope, messages }: Delivery): Promise<void> {
  try {
    await engine.ledger.cancel(envelope, engine.now());
    ack(messages);
  } catch (thrown) {
    engine.emit({ event: "trouble", where: "cancel", reason: reasonOf(thrown), tenant: envelope.tenant, id: envelope.id });
    later(engine, messages);
  }
}

/** Bodies that are no envelope: a dead letter each, under a name that a redelivery finds again. `reason`: why nothing else became of it. */
export async function buryForeign(engine: Engine, foreign: readonly { message: Message; raw: string; reason?: string }[], queue: string): Promise<void> {
  if (foreign.length === 0) return;
  try {
    const rows = await Promise.all(
      foreign.map(async ({ message, raw, reason = "the message is not an envelope" }) => ({
        // Derived from the platform's message id: a redelivery buries the same letter.
        id: await engine.ids.derive("system", ["message", queue, message.id]),
        tenant: "system",
        type: "unknown",
        version: 0,
        queue,
        raw,
        reason,
        fp: null,
      })),
    );
    await engine.ledger.bury(rows, engine.now());
    for (const { message } of foreign) message.ack();
  } catch (thrown) {
    engine.emit({ event: "trouble", where: "bury", reason: reasonOf(thrown), queue });
    later(
      engine,
      foreign.map(({ message }) => message),
    );
  }
}

export function ack(messages: readonly Message[]): void {
  for (const message of messages) message.ack();
}

/** Not to be judged now: delivered again after 1 s to 15 min, by the number of deliveries so far. */
export function later(engine: Engine, messages: readonly Message[]): void {
  for (const message of messages) message.retry({ delaySeconds: redelivery(message.attempts, engine.random) });
}

export function refOf({ tenant, id, seq, fp }: Envelope) {
  return { tenant, id, seq, fp: fp ?? null };
}
