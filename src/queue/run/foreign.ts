import { buryForeign } from "../accept/bury";
import type { Engine } from "../engine";
import { redeliver } from "../message-answer";
import { redactedReason } from "../../masking/redact";

/** A message that the platform or another system sent: its body is no envelope. */
export interface ForeignMessage {
  /** The platform's message id: the same at each delivery. */
  id: string;
  body: unknown;
}

/** What becomes of it. `bury`: a dead letter with its raw body and this reason. `redeliver`: delivered again, after `seconds` or by the number of deliveries. */
export type ForeignDisposition = { do: "ack" } | { do: "redeliver"; seconds?: number | undefined } | { do: "bury"; reason: string };

/**
 * Reads the foreign messages of one queue, one disposition each, in their order. It is called once a batch and must be idempotent:
 * a message may come twice. What it throws delivers all of them again later.
 */
export type ForeignReader = (messages: readonly ForeignMessage[]) => Promise<readonly ForeignDisposition[]>;

/** By the name of the queue; a queue without a reader buries what is no envelope. */
export type ForeignReaders = Readonly<Record<string, ForeignReader>>;

export interface Foreign {
  message: Message;
  raw: string;
}

/** Settles the foreign messages of a batch. Never throws. */
export async function takeForeign(engine: Engine, reader: ForeignReader | undefined, foreign: readonly Foreign[], queue: string): Promise<void> {
  if (foreign.length === 0) return;
  const dispositions = reader ? await dispositionsOf(engine, reader, foreign, queue) : undefined;
  const buried: (Foreign & { reason?: string })[] = [];
  for (const [index, each] of foreign.entries()) {
    const disposition = dispositions ? dispositions[index] : { do: "bury" as const };
    if (disposition?.do === "ack") each.message.ack();
    else if (disposition?.do === "bury") buried.push({ ...each, ...disposition });
    else if (disposition?.seconds !== undefined) each.message.retry({ delaySeconds: disposition.seconds });
    else redeliver(engine, [each.message]);
  }
  await buryForeign(engine, buried, queue);
}

async function dispositionsOf(engine: Engine, reader: ForeignReader, foreign: readonly Foreign[], queue: string): Promise<readonly ForeignDisposition[]> {
  try {
    return await reader(foreign.map(({ message: { id, body } }) => ({ id, body })));
  } catch (thrown) {
    engine.emit({ event: "trouble", where: "foreign", reason: redactedReason(thrown), queue });
    return [];
  }
}
