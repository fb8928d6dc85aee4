import { switches } from "../../../test/way/worker/switches";

/** What a release from before packs is handed: it leaves these to the release that sent them. */
export function withoutPacks(batch: MessageBatch): MessageBatch {
  const isPack = ({ body }: Message) => (body as { v?: unknown } | null)?.v === 2;
  for (const message of batch.messages.filter(isPack)) message.retry({ delaySeconds: 1 });
  return withMessages(
    batch,
    batch.messages.filter((message) => !isPack(message)),
  );
}

/**
 * Half of the time two batches, to be consumed at once: the local queue hands out one after the other, the platform does not. While messages are
 * sent twice it is always two, and both copies of a message that was sent alone are under way at once.
 */
export function halves(batch: MessageBatch): MessageBatch[] {
  if (batch.messages.length < 2 || (!switches.twice && Math.random() < 0.5)) return [batch];
  return [0, 1].map((part) =>
    withMessages(
      batch,
      batch.messages.filter((_, index) => index % 2 === part),
    ),
  );
}

function withMessages(batch: MessageBatch, messages: readonly Message[]): MessageBatch {
  return { queue: batch.queue, metadata: batch.metadata, messages, ackAll: () => batch.ackAll(), retryAll: (options) => batch.retryAll(options) };
}
