import { aboutJob } from "../trace";
import { buryForeign, buryMismatch } from "./accept/bury";
import { reviveAtDelivery } from "./revive";
import type { Engine } from "./engine";
import { parseEnvelope, type Envelope } from "./envelope";
import { MessageAnswer, redeliver } from "./message-answer";
import { newRow } from "./accept/prepare";
import { acceptedAt } from "./placement";
import { redactedReason } from "../masking/redact";
import { payloadOf } from "./registry";
import type { NewJob } from "./ports/intake-ledger";

/**
 * Consumes `dead-letters`: messages the platform gave up after a hundred deliveries. The ledger decides:
 * an ended job needs nothing, an open one is driven again under a raised seq, a body that is no envelope is recorded. Each job
 * of a pack is driven by itself. Never throws.
 */
export async function backstop(engine: Engine, messages: readonly Message[], queue: string): Promise<void> {
  const foreign: { message: Message; raw: string }[] = [];
  for (const message of messages) {
    const parsed = parseEnvelope(message.body);
    if (parsed.kind === "foreign") foreign.push({ message, raw: parsed.raw });
    else if (parsed.kind === "future") redeliver(engine, [message]);
    else {
      const answer = new MessageAnswer(message, parsed.jobs.length);
      for (const envelope of parsed.jobs) await driveAgain(engine, answer, envelope);
    }
  }
  await buryForeign(engine, foreign, queue);
}

async function driveAgain(engine: Engine, answer: MessageAnswer, envelope: Envelope): Promise<void> {
  try {
    // Inserts the row if the ledger was away until now; an existing row stays as it is.
    const [row] = await engine.ledger.insertKeyed([rowFromEnvelope(engine, envelope)]);
    if (row?.fp && envelope.fp !== undefined && row.fp !== envelope.fp) await buryMismatch(engine, envelope);
    else if (await isBroughtBack(engine, envelope)) return answer.ack();
    // The next tick sends a message under a raised seq; a job that is held, parked or ended needs none.
    else await engine.ledger.unsent([envelope], engine.now());
    answer.ack();
  } catch (thrown) {
    engine.emit({ event: "trouble", where: "backstop", reason: redactedReason(thrown), ...aboutJob(envelope) });
    answer.redeliver(engine);
  }
}

/** Brings a job back whose key was sent again after it had ended, while the ledger could not be reached. */
async function isBroughtBack(engine: Engine, envelope: Envelope): Promise<boolean> {
  const isKnown = engine.registry.find(envelope.type) !== undefined;
  return isKnown && envelope.unasked === true && reviveAtDelivery(engine, { envelope, acceptedWithoutLedgerAt: envelope.at });
}

function rowFromEnvelope(engine: Engine, envelope: Envelope): NewJob {
  const contract = engine.registry.find(envelope.type)?.contract;
  if (contract) return newRow(engine, contract, envelope, payloadOf(contract, envelope), engine.now());
  const { tenant, id, type, version, queue, seq, at } = envelope;
  // Without a side row: the caller marks it for the next tick.
  const { due, sent, wake } = acceptedAt(at, null, at);
  return {
    tenant,
    id,
    type,
    version,
    queue,
    seq,
    at,
    due,
    sent,
    wake,
    boot: engine.boot,
    payload: envelope.payload ?? null,
    ref: envelope.ref ?? null,
    fp: envelope.fp ?? null,
    parent: envelope.parent ?? null,
    trace: envelope.trace ?? null,
    site: null,
    entities: [],
    dry: envelope.dry ?? false,
    maxAttempts: 1,
    attempt: 0,
  };
}
