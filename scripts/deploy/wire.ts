import { r2Headers } from "./account.ts";
import { type Api, ApiRefusal, ifThere } from "./api.ts";
import type { Making } from "./create.ts";
import { mailEvents, type MailSubscription, type NotificationRules, ruleState, subscriptionState, uploads } from "./wiring.ts";

/** The rule by which R2 announces uploads. Rules are added, never replaced. */
export async function makeRule({ api, wanted, account, done }: Making): Promise<void> {
  const [bucket, queue] = [uploads.bucketOf(wanted) ?? "", uploads.queueOf(wanted)];
  const name = `rule ${bucket} → ${queue}`;
  const path = `/event_notifications/r2/${bucket}/configuration`;
  const { missing } = ruleState(account.rules, queue, account.queues.get(queue)?.queue_id);
  if (missing.length === 0) return done({ name, state: "same" });
  const { headers } = r2Headers(wanted.jurisdiction);
  const body = { rules: [{ prefix: "", suffix: "", actions: missing, description: "Jobyard: what was uploaded or removed" }] };
  await certainly(
    () => api.call("PUT", `${path}/queues/${account.queues.get(queue)?.queue_id}`, { body, headers }),
    async () => {
      const now = await ifThere(api.call("GET", path, { headers }));
      return ruleState(now?.result as NotificationRules | undefined, queue, account.queues.get(queue)?.queue_id).missing.length === 0;
    },
  );
  done({ name, state: missing.length === uploads.actions.length ? "create" : "change", detail: missing.join(", ") });
}

/** The account's subscription to what becomes of mails of a sending domain; one that is off or lacks events is put right. */
export async function makeSubscription({ api, wanted, account, done }: Making, domain: string, zoneId: string): Promise<void> {
  const queue = mailEvents.queueOf(wanted);
  const queueId = account.queues.get(queue)?.queue_id ?? "";
  const name = `subscription ${mailEvents.source} ${domain} → ${queue}`;
  const path = "/event_subscriptions/subscriptions";
  const { found, missing } = subscriptionState(account.subscriptions, queueId, domain);
  if (found?.enabled && missing.length === 0) return done({ name, state: "same" });
  const isThere = async () => {
    const { result } = await api.call("GET", `${path}?queue_id=${queueId}&page=1&per_page=20`);
    const now = subscriptionState(result as MailSubscription[], queueId, domain);
    return now.found?.enabled === true && now.missing.length === 0;
  };
  const wish = { enabled: true, events: mailEvents.events };
  const source = { type: mailEvents.source, zone_id: zoneId, domain };
  const whole = { name: `${queue} ${mailEvents.source}`, source, destination: { type: "queues.queue", queue_id: queueId }, ...wish };
  await certainly(() => (found ? api.call("PATCH", `${path}/${found.id}`, { body: wish }) : api.call("POST", path, { body: whole })), isThere);
  done({ name, state: found ? "change" : "create" });
}

/** The zone of a domain is that of the domain or of one above it. */
export async function zoneOf(api: Api, domain: string): Promise<string | undefined> {
  const labels = domain.split(".");
  for (let first = 0; first <= labels.length - 2; first++) {
    const { result } = await api.callRoot("GET", `/zones?name=${labels.slice(first).join(".")}`);
    const [zone] = Array.isArray(result) ? (result as { id: string }[]) : [];
    if (zone) return zone.id;
  }
  return undefined;
}

/** A write without an answer may have been done, and one that is refused was perhaps done by another run: it is looked at, and without an answer done once more. */
async function certainly(write: () => Promise<unknown>, isDone: () => Promise<boolean>): Promise<void> {
  try {
    await write();
  } catch (thrown) {
    if (!(thrown instanceof ApiRefusal) || thrown.kind === "unauthorized") throw thrown;
    if (await isDone()) return;
    if (thrown.kind !== "unavailable") throw thrown;
    await write();
  }
}
