import { aboutJob } from "../../trace";
import type { Engine } from "../engine";
import { parseEnvelope, type Envelope } from "../envelope";
import { Delivery } from "./delivery";
import { type Foreign, type ForeignReader, takeForeign } from "./foreign";
import { MessageAnswer, redeliver } from "../message-answer";
import { keyOf } from "../ref";
import { readable } from "../registry";

/**
 * One delivery per job of the batch; those of a pack share the answer to its message, copies of a job one delivery. A body that is no envelope goes to
 * the queue's reader; what this deployment cannot read is delivered again later.
 */
export async function open(engine: Engine, messages: readonly Message[], queue: string, reader: ForeignReader | undefined): Promise<Delivery[]> {
  const deliveries = new Map<string, Delivery>();
  const foreign: Foreign[] = [];
  for (const message of messages) {
    const parsed = parseEnvelope(message.body);
    if (parsed.kind === "foreign") foreign.push({ message, raw: parsed.raw });
    else if (parsed.kind === "future") redeliver(engine, [message]);
    else {
      const answer = new MessageAnswer(message, parsed.jobs.length);
      for (const envelope of parsed.jobs) add(engine, deliveries, envelope, answer, queue);
    }
  }
  await takeForeign(engine, reader, foreign, queue);
  return [...deliveries.values()];
}

function add(engine: Engine, deliveries: Map<string, Delivery>, envelope: Envelope, answer: MessageAnswer, queue: string): void {
  const definition = engine.registry.find(envelope.type);
  if (!definition || !readable(definition.contract, envelope.version)) {
    const reason = `type ${envelope.type} version ${envelope.version} is unknown to this deployment`;
    engine.emit({ event: "trouble", where: "registry", reason, queue, ...aboutJob(envelope) });
    return answer.redeliver(engine);
  }
  const key = keyOf(envelope);
  const earlier = deliveries.get(key);
  // Another payload under the same key: decided on its own, once the first one's row is there.
  if (earlier && earlier.envelope.fp !== envelope.fp) return answer.redeliver(engine);
  if (earlier) earlier.join(envelope, answer);
  else deliveries.set(key, new Delivery(envelope, definition, [answer]));
}
