import { type AlertFailure, installation, type Notice } from "../../domain/alerts/model";
import { listRules } from "../../domain/alerts/queries";
import { type AlertRule, wants } from "../../domain/alerts/rule";
import { builtInRule, rulesInForce } from "../../domain/alerts/in-force";
import { linkOf } from "../../domain/alerts/link";
import { sendableDestinations } from "../../domain/destinations/queries";
import { alertMessage } from "../../domain/alerts/text";
import { watch } from "../../domain/alerts/watch";
import { workFindings } from "../../domain/work/findings";
import { email } from "../../jobs/email/job";
import { slack } from "../../jobs/slack/job";
import type { Reports } from "../../domain/report/compose";
import type { Finding } from "../../domain/report/model";
import { webhook } from "../../jobs/webhook/job";
import { createTicks } from "../../ledger/ticks";
import { rotationMark } from "../../ledger/watermarks";
import type { Engine } from "../../queue/engine";
import { enqueue } from "../../queue/enqueue";
import type { EnqueueRequest, Receipt } from "../../queue/request";
import { reservedTenant } from "../../tenants/names";
import type { Snapshot, Snapshots } from "../../tenants/snapshot";

interface AlertDeps {
  db: D1Database;
  engine: Engine;
  snapshots: Pick<Snapshots, "read">;
  work: Parameters<typeof workFindings>[0];
  reports: Pick<Reports, "findings">;
  /** The tenant whose channels get the installation's alerts. */
  installationTenant: string | undefined;
  /** URL of the pages; undefined where none is configured. */
  publicUrl: string | undefined;
}

/** The tick's step. Alerts go out as ordinary jobs; a failed one is marked by its entity and makes no alert of its own. */
export function sendAlerts(deps: AlertDeps): (now: number) => Promise<Record<string, number>> {
  const { db, work, reports } = deps;
  const watching = {
    db,
    mark: rotationMark(db, "alerts"),
    steps: () => createTicks(db).list(),
    findings: async (now: number) => [...(await workFindings(work, now)), ...failuresOf(await reports.findings(null), now)],
    send: (owner: string, notices: readonly Notice[], now: number) => send(deps, owner, notices, now),
  };
  return async (now) => ({ ...(await watch(watching, now)) });
}

/** Codes that alerts of dead letters, steps of the tick and workers cover already. */
const toldElsewhere = ["failed", "tick-failing", "tick-silent", "no-worker", "d1-day-limit"];

/** Findings as present failures. Findings of severity `info` make no alert. */
export function failuresOf(findings: readonly Finding[], now: number): AlertFailure[] {
  return findings
    .filter(({ code, severity }) => severity !== "info" && !toldElsewhere.includes(code))
    .map(({ tenant, severity, code, subject, type, sentence, count, since }) => {
      return { tenant, cause: `finding/${severity}/${code}/${subject}`, subject: type ?? subject, reason: sentence, count, firstAt: since, lastAt: now };
    });
}

/** Sends to the tenant's channels; alerts of the installation go to those of the tenant that ALERTS_TENANT names. */
async function send(
  { db, engine, snapshots, installationTenant, publicUrl }: AlertDeps,
  owner: string,
  notices: readonly Notice[],
  now: number,
): Promise<readonly string[] | null> {
  const isInstallation = owner === installation || owner === reservedTenant;
  const tenant = isInstallation ? installationTenant : owner;
  if (!tenant) return [];
  const lookup = await snapshots.read(tenant, now);
  if (lookup.state === "unknown") return null;
  if (lookup.state === "absent") return [];
  const rules = await listRules(db, tenant);
  const namesOne = [...rules, builtInRule(lookup.snapshot)].some(({ destination }) => destination !== undefined);
  const destinations = namesOne ? await sendableDestinations(db, tenant) : [];
  const requests = rulesInForce(rules, lookup.snapshot, new Set(destinations)).flatMap((rule) =>
    requestsFor(tenant, lookup.snapshot, rule, notices, publicUrl),
  );
  const sent = await enqueueAlerts(engine, tenant, distinctRequests(requests));
  const via = sent.filter(({ receipt }) => receipt?.ok).map(({ channel }) => channel);
  return via.length === 0 && sent.some(({ receipt }) => receipt && !receipt.ok && receipt.retryAfter !== undefined) ? null : via;
}

interface ChannelRequest {
  channel: string;
  request: EnqueueRequest;
}

/** Enqueues the jobs for the channels. A refusal is logged, not thrown. */
async function enqueueAlerts(
  engine: Engine,
  tenant: string,
  requests: readonly ChannelRequest[],
): Promise<{ channel: string; receipt: Receipt | undefined }[]> {
  const receipts = await enqueue(
    engine,
    requests.map(({ request }) => request),
  );
  return requests.map(({ channel }, index) => {
    const receipt = receipts[index];
    if (!receipt?.ok) engine.emit({ event: "trouble", where: "alerts", reason: `${channel}: ${receipt?.detail ?? "no receipt"}`, tenant });
    return { channel, receipt };
  });
}

/** The same notice to the same channel is sent once, also when two rules match. */
function distinctRequests(requests: readonly ChannelRequest[]): ChannelRequest[] {
  return [...new Map(requests.map((each) => [JSON.stringify(each.request.own), each])).values()];
}

/** One job per channel of a rule, with the matching notices. `about`: further entities under which the jobs are found. */
export function requestsFor(
  tenant: string,
  { sections }: Pick<Snapshot, "sections">,
  rule: AlertRule,
  notices: readonly Notice[],
  publicUrl: string | undefined,
  about: readonly string[] = [],
): ChannelRequest[] {
  const matching = notices.filter(({ alert }) => wants(rule, alert));
  if (matching.length === 0) return [];
  const connections = sections.connections ?? {};
  const { subject, text } = alertMessage(matching, publicUrl);
  const request = (channel: string, type: string, payload: object): ChannelRequest => {
    const own = ["alert", channel, ...(channel === "email" ? rule.email : []), ...matching.map(noticeKey)];
    // The text of a repeated notice counts what has failed meanwhile.
    const fingerprintOf = own.join("\n");
    return {
      channel,
      request: { tenant, type, payload: { ...payload, about: [`alert:${channel}`, ...about] }, own, fingerprintOf, revive: false, internal: true },
    };
  };
  const body = { type: "alert", alerts: matching.map((notice) => ({ ...noticeFields(notice), url: linkOf(notice.alert, publicUrl) ?? null })) };
  const { slack: wantsSlack, email: to, destination } = rule;
  return [
    ...(wantsSlack && connections["slack"] ? [request("slack", slack.type, { text })] : []),
    ...(to.length > 0 && connections["mail"] ? [request("email", email.type, { to, subject, text, priority: "high" })] : []),
    ...(destination === undefined ? [] : [request("webhook", webhook.type, { destination, body })]),
  ];
}

function noticeFields({ kind, alert: { tenant, cause, state, subject, reason, count, since, lastAt } }: Notice) {
  return { kind, tenant, cause, state, subject, reason, count, since: new Date(since).toISOString(), lastAt: new Date(lastAt).toISOString() };
}

/** The same notice has the same key in every tick, also when no tick has recorded its alert yet: `since` is then the tick's own time. */
function noticeKey({ kind, alert: { tenant, cause, firstAt, toldAt } }: Notice): string {
  return `${kind} ${tenant} ${cause} ${firstAt} ${toldAt ?? 0}`;
}
