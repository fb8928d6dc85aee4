import { type Account, type AccountConsumer, type AccountQueue, ownerOf } from "../account.ts";
import { type Finding, finding } from "../finding.ts";
import type { Consumer, Wanted } from "../wanted.ts";

/** Seconds: the ledger keeps ended jobs for five days, and a late copy must find its row. */
const longestRetention = 5 * 24 * 3600;

export function queueFindings(wanted: Wanted, queue: AccountQueue | undefined, name: string): Finding[] {
  const consumer = wanted.consumers.find((each) => each.queue === name);
  if (!queue) {
    const isDeadLetters = wanted.consumers.some((each) => each.dead_letter_queue === name);
    return [finding(isDeadLetters ? "dlq-missing" : "queue-missing", name, `There is no queue "${name}".`)];
  }
  const { delivery_paused: paused, message_retention_period: kept = 0, delivery_delay: delay = 0 } = queue.settings ?? {};
  const late = `Its messages are kept for ${kept} s; ended jobs for five days only, so a late copy could run once more. At most ${longestRetention} s are safe.`;
  const place = queue.jurisdiction;
  return [
    ...(paused ? [finding("queue-paused", name, `Delivery of "${name}" is paused in Cloudflare.`, "warning")] : []),
    ...(kept > longestRetention ? [finding("queue-setting", name, late, "warning")] : []),
    ...(delay > 0
      ? [finding("queue-setting", name, `Every message of "${name}" is delayed by ${delay} s, which the configuration does not say.`, "warning")]
      : []),
    ...(place !== undefined && (place || null) !== (wanted.jurisdiction ?? null)
      ? [
          finding(
            "jurisdiction-differs",
            name,
            `The queue "${name}" lies in ${place || "no jurisdiction"}, not in ${wanted.jurisdiction ?? "no jurisdiction"}.`,
          ),
        ]
      : []),
    ...(consumer ? consumerFindings(wanted, queue, consumer) : []),
  ];
}

function consumerFindings({ worker }: Wanted, { queue_name: name, consumers = [] }: AccountQueue, wanted: Consumer): Finding[] {
  const foreign = consumers.filter((each) => ownerOf(each) !== worker);
  if (foreign.length > 0) {
    const whose = [...new Set(foreign.map((each) => (ownerOf(each) === undefined ? `a consumer of type ${each.type}` : `the Worker "${ownerOf(each)}"`)))].join(
      ", ",
    );
    return [finding("consumer-foreign", name, `The queue "${name}" is consumed by ${whose}. Detach that consumer, or deploy under another --env.`)];
  }
  const ours = consumers.find((each) => ownerOf(each) === worker);
  if (!ours) return [finding("consumer-missing", name, `"${worker}" does not consume "${name}".`)];
  const differences = settingsThatDiffer(wanted, ours);
  const sentence = `The consumer of "${name}" has ${differences.map(({ field, is, should }) => `${field} ${is ?? "unset"} instead of ${should}`).join(", ")}.`;
  const { max_concurrency: concurrency } = ours.settings ?? {};
  const isSetElsewhere = wanted.max_concurrency === undefined && typeof concurrency === "number";
  const kept = `The consumer of "${name}" has max_concurrency ${concurrency}, which was set in the dashboard. The configuration says nothing of it: a deploy keeps it.`;
  return [
    ...(differences.length === 0 ? [] : [finding("queue-setting", name, sentence)]),
    ...(isSetElsewhere ? [finding("queue-setting", name, kept, "note")] : []),
  ];
}

function settingsThatDiffer(wanted: Consumer, { settings = {}, dead_letter_queue: dead }: AccountConsumer): { field: string; is: unknown; should: unknown }[] {
  const wait = wanted.max_batch_timeout === undefined ? undefined : wanted.max_batch_timeout * 1000;
  const pairs = [
    { field: "batch_size", is: settings.batch_size, should: wanted.max_batch_size },
    { field: "max_retries", is: settings.max_retries, should: wanted.max_retries },
    { field: "max_wait_time_ms", is: settings.max_wait_time_ms, should: wait },
    { field: "retry_delay", is: settings.retry_delay, should: wanted.retry_delay },
    { field: "max_concurrency", is: settings.max_concurrency, should: wanted.max_concurrency },
    { field: "dead_letter_queue", is: dead || undefined, should: wanted.dead_letter_queue },
  ];
  return pairs.filter(({ is, should }) => should !== undefined && is !== should);
}

/** Consumers of our Worker on queues that the configuration does not consume; those of others are never looked at. */
export function extraConsumers(wanted: Wanted, account: Account): { queue: AccountQueue; consumer: AccountConsumer }[] {
  const consumed = new Set(wanted.consumers.map(({ queue }) => queue));
  const others = [...account.queues.values()].filter((queue) => !consumed.has(queue.queue_name));
  return others.flatMap((queue) => (queue.consumers ?? []).filter((each) => ownerOf(each) === wanted.worker).map((consumer) => ({ queue, consumer })));
}
