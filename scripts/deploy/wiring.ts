import type { Wanted } from "./wanted.ts";

/** What Cloudflare itself sends to queues of ours: R2 what was uploaded, Email Service what became of mails. */

export interface NotificationRules {
  queues?: { queueId: string; queueName?: string; rules: NotificationRule[] }[];
}

export interface NotificationRule {
  ruleId?: string;
  prefix?: string;
  suffix?: string;
  actions: string[];
}

export interface MailSubscription {
  id: string;
  enabled: boolean;
  events: string[];
  source: { type: string; zone_id?: string; domain?: string };
  destination: { type?: string; queue_id?: string };
}

/** Everything that is written to or removed from the bucket of media, whatever its key. */
export const uploads = {
  actions: ["PutObject", "CompleteMultipartUpload", "CopyObject", "DeleteObject", "LifecycleDeletion"],
  bucketOf: (wanted: Wanted) => nameIn(wanted.buckets, "MEDIA")?.name,
  queueOf: (wanted: Wanted) => queueOf(wanted, "MEDIA_UPLOADS"),
};

export const mailEvents = {
  source: "email.sending",
  events: ["delivered", "deferred", "bounced", "failed", "rejected", "complained"].map((event) => `message.${event}`),
  queueOf: (wanted: Wanted) => queueOf(wanted, "MAIL_EVENTS"),
};

export interface RuleState {
  /** Actions that no rule reports to our queue yet. */
  missing: string[];
  /** Rules that stand in the way: R2 refuses two that overlap for one action. */
  overlapping: string[];
}

/** How the rules of a bucket stand to the one that is wanted. */
export function ruleState(rules: NotificationRules | undefined, queueName: string, queueId?: string): RuleState {
  const all = (rules?.queues ?? []).flatMap((queue) => queue.rules.map((rule) => ({ ...rule, queue: queue.queueName ?? queue.queueId, id: queue.queueId })));
  const isOurs = (rule: (typeof all)[number]) => (rule.queue === queueName || rule.id === queueId) && !rule.prefix && !rule.suffix;
  const covered = new Set(all.filter(isOurs).flatMap(({ actions }) => actions));
  const missing = uploads.actions.filter((action) => !covered.has(action));
  const overlapping = all.filter((rule) => !isOurs(rule) && rule.actions.some((action) => missing.includes(action)));
  return { missing, overlapping: overlapping.map(({ queue, prefix = "", suffix = "" }) => `to ${queue} for "${prefix}…${suffix}"`) };
}

/** The subscription to a domain's events, and the events it lacks; they are listed with or without the source before them. */
export function subscriptionState(subscriptions: readonly MailSubscription[], queueId: string | undefined, domain: string | undefined) {
  const ours = subscriptions.filter(
    ({ source, destination }) => source.type === mailEvents.source && (queueId === undefined || destination.queue_id === queueId),
  );
  const found = ours.find(({ source }) => domain === undefined || source.domain === domain);
  const known = new Set(found?.events.map((event) => event.replace(/^(?:cf\.)?email\.sending\./, "")));
  return { found, missing: mailEvents.events.filter((event) => !known.has(event)) };
}

function queueOf({ configuration, env }: Wanted, binding: string): string {
  return nameIn(configuration.queues.producers, binding)?.queue ?? `${binding.toLowerCase().replaceAll("_", "-")}-${env}`;
}

function nameIn<Item extends { binding: string }>(items: readonly Item[], binding: string): Item | undefined {
  return items.find((item) => item.binding === binding);
}
