import { installation, type Notice } from "../../domain/alerts/model";
import { messageOf } from "../../domain/alerts/text";
import { watch } from "../../domain/alerts/watch";
import { workFindings } from "../../domain/work/findings";
import { email } from "../../jobs/email/job";
import { slack } from "../../jobs/slack/job";
import { webhook } from "../../jobs/webhook/job";
import { ticksIn } from "../../ledger/ticks";
import { turnMark } from "../../ledger/watermarks";
import type { Engine } from "../../queue/engine";
import { enqueue } from "../../queue/enqueue";
import type { EnqueueRequest } from "../../queue/request";
import { reservedTenant } from "../../tenants/names";
import type { Snapshot, Snapshots } from "../../tenants/snapshot";

export interface AlertDeps {
  db: D1Database;
  engine: Engine;
  snapshots: Pick<Snapshots, "read">;
  work: Parameters<typeof workFindings>[0];
  /** Whose channels get what is the installation's. */
  installationTenant: string | undefined;
}

/** The tick's step. Alerts go out as ordinary jobs; a failed one is marked by its entity and makes no alert of its own. */
export function sendAlerts(deps: AlertDeps): (now: number) => Promise<Record<string, number>> {
  const { db, work } = deps;
  const watching = {
    db,
    mark: turnMark(db, "alerts"),
    steps: () => ticksIn(db).list(),
    findings: (now: number) => workFindings(work, now),
    send: (owner: string, notices: readonly Notice[], now: number) => send(deps, owner, notices, now),
  };
  return async (now) => ({ ...(await watch(watching, now)) });
}

/** To the owner's channels; what is the installation's goes to those of the tenant that ALERTS_TENANT names. */
async function send(
  { engine, snapshots, installationTenant }: AlertDeps,
  owner: string,
  notices: readonly Notice[],
  now: number,
): Promise<readonly string[] | null> {
  const isInstallation = owner === installation || owner === reservedTenant;
  const tenant = isInstallation ? installationTenant : owner;
  if (!tenant) return [];
  const known = await snapshots.read(tenant, now);
  if (known.state === "unknown") return null;
  if (known.state === "absent") return [];
  const requests = requestsFor(tenant, known.snapshot, notices);
  const receipts = await enqueue(
    engine,
    requests.map(({ request }) => request),
  );
  for (const [index, { channel }] of requests.entries()) {
    const receipt = receipts[index];
    if (!receipt?.ok) engine.emit({ event: "trouble", where: "alerts", reason: `${channel}: ${receipt?.detail ?? "no receipt"}`, tenant });
  }
  const via = requests.filter((_, index) => receipts[index]?.ok).map(({ channel }) => channel);
  return via.length === 0 && receipts.some((each) => !each.ok && each.retryAfter !== undefined) ? null : via;
}

/** Without settings: Slack, where there is a connection. */
function requestsFor(tenant: string, { sections, settings }: Snapshot, notices: readonly Notice[]): { channel: string; request: EnqueueRequest }[] {
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
