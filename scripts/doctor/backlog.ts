import type { Account } from "../deploy/account.ts";
import { type Api, ApiRefusal, type ApiAnswer } from "../deploy/api.ts";
import { type Finding, finding } from "../deploy/finding.ts";
import type { Wanted } from "../deploy/wanted.ts";

/** A message is delayed for 15 minutes at most: one that is older is not taken. Milliseconds. */
const oldestUsual = 30 * 60_000;

interface QueueMetrics {
  backlog_count?: number;
  /** Milliseconds; 0: unknown. */
  oldest_message_timestamp_ms?: number;
}

/** What waits in the queues of this Worker: a finding for each that holds a message too old, and one sentence about all of them. */
export async function readBacklog(api: Api, wanted: Wanted, { queues }: Account, now: number): Promise<{ findings: Finding[]; notes: string[] }> {
  const there = wanted.queues.flatMap((name) => queues.get(name) ?? []);
  const read = await Promise.all(there.map(async ({ queue_id: id, queue_name: name }) => ({ name, metrics: await metricsOf(api, id) })));
  const known = read.flatMap(({ name, metrics }) => (metrics ? [{ name, ...metrics }] : []));
  const unknown = read.length - known.length;
  const waiting = known.filter(({ backlog_count: count = 0 }) => count > 0);
  const messages = waiting.reduce((sum, { backlog_count: count = 0 }) => sum + count, 0);
  const old = waiting.filter(({ oldest_message_timestamp_ms: oldest = 0 }) => oldest > 0 && now - oldest > oldestUsual);
  return {
    findings: old.map(({ name, backlog_count: count = 0, oldest_message_timestamp_ms: oldest = 0 }) => {
      const minutes = Math.floor((now - oldest) / 60_000);
      const sentence = `${count.toLocaleString("en")} messages wait in "${name}", the oldest for ${minutes.toLocaleString("en")} minutes: its consumer does not keep up, or does not run.`;
      return finding("queue-backlog", name, sentence, "warning");
    }),
    notes: [
      ...(waiting.length > 0 ? [`Waiting: ${messages.toLocaleString("en")} messages in ${waiting.map(({ name }) => name).join(", ")}.`] : []),
      ...(unknown > 0 ? [`The backlog of ${unknown} queues could not be read.`] : []),
    ],
  };
}

/** Undefined when there is no answer: what waits is no difference between configuration and account. */
async function metricsOf(api: Api, id: string): Promise<QueueMetrics | undefined> {
  try {
    const { result }: ApiAnswer = await api.call("GET", `/queues/${id}/metrics`);
    return result as QueueMetrics;
  } catch (thrown) {
    if (thrown instanceof ApiRefusal) return undefined;
    throw thrown;
  }
}
