import type { Job } from "../../../src/queue/job";

/** The release after: each payload's version is one higher, and it upgrades what the release before has enqueued. */
export function newer({ contract, ...job }: Job): Job {
  const { version, upgrade } = contract;
  const raised = (payload: unknown, from: number) => (from < version && upgrade ? upgrade(payload, from) : payload);
  return { ...job, contract: { ...contract, version: version + 1, upgrade: raised } };
}

/** What a release from before packs is handed: it leaves these to the release that sent them. */
export function withoutPacks(batch: MessageBatch): MessageBatch {
  const isPack = ({ body }: Message) => (body as { v?: unknown } | null)?.v === 2;
  for (const message of batch.messages.filter(isPack)) message.retry({ delaySeconds: 1 });
  const messages = batch.messages.filter((message) => !isPack(message));
  return { queue: batch.queue, metadata: batch.metadata, messages, ackAll: () => batch.ackAll(), retryAll: (options) => batch.retryAll(options) };
}
