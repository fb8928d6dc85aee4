import { installation, type Notice } from "../domain/alerts/model";
import { messageOf } from "../domain/alerts/text";
import { watch } from "../domain/alerts/watch";
import type { WorkerEnv } from "../env";
import { email } from "../jobs/email/job";
import { slack } from "../jobs/slack/job";
import { webhook } from "../jobs/webhook/job";
import { ticksIn } from "../ledger/ticks";
import { turnMark } from "../ledger/watermarks";
import type { Engine } from "../queue/engine";
import { enqueue } from "../queue/enqueue";
import type { EnqueueRequest } from "../queue/request";
import { reservedTenant } from "../tenants/names";
import { log } from "./log";
import type { Stores } from "./stores";

export interface AlertParts {
  env: WorkerEnv;
  engine: Engine;
  stores: Pick<Stores, "snapshots">;
}

/** The tick's step. Alerts go out as ordinary jobs; a failed one is marked by its entity and makes no alert of its own. */
export function alertStep(parts: AlertParts): (now: number) => Promise<Record<string, number>> {
  const { env } = parts;
  const deps = {
    db: env.DB,
    mark: turnMark(env.DB, "alerts"),
    steps: () => ticksIn(env.DB).list(),
    send: (owner: string, notices: readonly Notice[], now: number) => send(parts, owner, notices, now),
  };
  return async (now) => ({ ...(await watch(deps, now)) });
}

/** To the owner's channels; what is the installation's goes to those of the tenant that ALERTS_TENANT names. */
async function send({ env, engine, stores }: AlertParts, owner: string, notices: readonly Notice[], now: number): Promise<readonly string[] | null> {
  const isInstallation = owner === installation || owner === reservedTenant;
  const tenant = isInstallation ? env.ALERTS_TENANT : owner;
  if (!tenant) return [];
  const known = await stores.snapshots.read(tenant, now);
  if (known.state === "unknown") return null;
  if (known.state === "absent") return [];
  const requests = requestsFor(tenant, known.snapshot, notices);
  const receipts = await enqueue(
    engine,
    requests.map(({ request }) => request),
  );
  for (const [index, { channel }] of requests.entries()) {
    const receipt = receipts[index];
    if (!receipt?.ok) log({ event: "trouble", where: "alerts", reason: `${channel}: ${receipt?.detail ?? "no receipt"}`, tenant });
  }
  const via = requests.filter((_, index) => receipts[index]?.ok).map(({ channel }) => channel);
  return via.length === 0 && receipts.some((each) => !each.ok && each.retryAfter !== undefined) ? null : via;
}

type Known = Extract<Awaited<ReturnType<Stores["snapshots"]["read"]>>, { state: "known" }>["snapshot"];

/** Without settings: Slack, where there is a connection. */
function requestsFor(tenant: string, { sections, settings }: Known, notices: readonly Notice[]): { channel: string; request: EnqueueRequest }[] {
  const connections = sections.connections ?? {};
  const { email: to = [], destination, slack: wantsSlack = true } = settings.alerts ?? {};
  const { subject, text } = messageOf(notices);
  const request = (channel: string, type: string, payload: object) => ({
    channel,
    request: {
      tenant,
      type,
      payload: { ...payload, about: [`alert:${channel}`] },
      own: ["alert", channel, ...notices.map(nameOf)],
      revive: false,
      internal: true,
    },
  });
  const body = { type: "alert", alerts: notices.map(shown) };
  return [
    ...(wantsSlack && connections["slack"] ? [request("slack", slack.type, { text })] : []),
    ...(to.length > 0 && connections["mail"] ? [request("email", email.type, { to, subject, text, priority: "high" })] : []),
    ...(destination === undefined ? [] : [request("webhook", webhook.type, { destination, body })]),
  ];
}

function shown({ kind, alert: { tenant, cause, state, subject, reason, count, since, lastAt } }: Notice) {
  return { kind, tenant, cause, state, subject, reason, count, since: new Date(since).toISOString(), lastAt: new Date(lastAt).toISOString() };
}

/** The same notice has the same name, whichever tick sends it. */
function nameOf({ kind, alert: { tenant, cause, since, toldAt } }: Notice): string {
  return `${kind} ${tenant} ${cause} ${since} ${toldAt ?? 0}`;
}
