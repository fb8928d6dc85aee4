import type { Engine } from "../engine";
import type { Envelope } from "../envelope";
import { redeliver } from "../message-answer";
import type { Prepared } from "./prepared";
import { redactedReason } from "../../masking/redact";

/** Records the second payload of a key, accepted while the ledger was away, as a dead letter with an id of its own. Throws while the ledger is away. */
export async function buryMismatch(engine: Engine, envelope: Envelope): Promise<void> {
  const id = await engine.ids.derive(envelope.tenant, ["mismatch", envelope.id, envelope.fp ?? ""]);
  const reason = `its idempotency key belongs to job ${envelope.id}, which has another payload`;
  const { tenant, type, version, queue, payload, ref, fp, dry } = envelope;
  await engine.ledger.bury([{ id, tenant, type, version, queue, raw: payload ?? "null", ref, reason, fp: fp ?? null, dry }], engine.now());
}

/** Records jobs that failed for good in another system as dead letters, with the ids of their keys. A repeat adds no row. Throws while the ledger is away. */
export async function buryFailed(engine: Engine, all: readonly Prepared[]): Promise<void> {
  const rows = all.map(({ row: { id, tenant, type, version, queue, payload, ref, fp, dry, maxAttempts }, failed = "" }) => {
    return { id, tenant, type, version, queue, raw: payload ?? "null", ref: ref ?? undefined, reason: failed, fp, dry, maxAttempts };
  });
  if (rows.length > 0) await engine.ledger.bury(rows, engine.now());
}

/**
 * Records each body that is no envelope as a dead letter, with an id that a redelivery derives again. `reason`: why no reader took it.
 * Answers the messages; never throws.
 */
export async function buryForeign(engine: Engine, foreign: readonly { message: Message; raw: string; reason?: string }[], queue: string): Promise<void> {
  if (foreign.length === 0) return;
  try {
    const rows = await Promise.all(
      foreign.map(async ({ message, raw, reason = "the message is not an envelope" }) => ({
        // Derived from the platform's message id: a redelivery gives the same id and adds no row.
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
    engine.emit({ event: "trouble", where: "bury", reason: redactedReason(thrown), queue });
    redeliver(
      engine,
      foreign.map(({ message }) => message),
    );
  }
}
