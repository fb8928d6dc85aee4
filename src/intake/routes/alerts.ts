import { iso, isoOrNull, withIso } from "../../time/iso";
import * as v from "valibot";
import { currentOf, type CurrentAlert } from "../../domain/alerts/current";
import { builtInRule, isBuiltInInForce, unconnected } from "../../domain/alerts/in-force";
import { linkOf } from "../../domain/alerts/link";
import { installation, type Notice } from "../../domain/alerts/model";
import { listAlerts, listRules } from "../../domain/alerts/queries";
import { type AlertRule, maxRules, type NamedRule, ruleSchema } from "../../domain/alerts/rule";
import { putRule, removeRule } from "../../domain/alerts/store";
import { severities } from "../../domain/report/model";
import { Problem } from "../../errors";
import { count, isoTime, outputList } from "../../bounded";
import type { Receipt } from "../../queue/request";
import type { Snapshot } from "../../tenants/snapshot";
import { audit } from "../audit";
import { smallBody } from "../body";
import type { IntakeDeps } from "../deps";
import { namedRoutes } from "../named-routes";
import { destinationIssues, ownDestinations, whyUnreachable } from "../own-destination";
import { found, unavailableProblem } from "../problem";
import { paging } from "../query";
import { param, route } from "../route";
import { actionShape, listShape } from "../shapes";
import { requestsFor } from "../tick/send-alerts";

export const alertShape = v.object({
  cause: v.pipe(v.string(), v.description("dead-letters/{group}, tick/{step}, no-worker/{type}, offers-void/{worker} or finding/{severity}/{code}/{subject}")),
  state: v.picklist(["open", "recovered"]),
  subject: v.pipe(v.string(), v.description("Job type, step of the tick, or subject of the finding")),
  sentence: v.pipe(v.string(), v.description("Sentence of the finding in GET /v1/report now; `reason` when there is none")),
  notSeenSince: v.pipe(
    v.nullable(isoTime),
    v.description("Time at which an open alert was last seen, when GET /v1/report has no such finding any more; else null"),
  ),
  actions: v.pipe(outputList(actionShape), v.description("Actions of the finding in GET /v1/report now")),
  url: v.pipe(v.nullable(v.string()), v.description("Page of the subject; null when the installation does not know its own address")),
  reason: v.pipe(v.string(), v.description("Reason of the newest failure")),
  count: v.pipe(count, v.description("Count of the finding in GET /v1/report now; failures since it opened when there is none")),
  since: v.pipe(isoTime, v.description("Time since when the finding in GET /v1/report exists; of the first failure that the tick found when there is none")),
  lastAt: isoTime,
  toldAt: v.pipe(v.nullable(isoTime), v.description("When it was last sent")),
  via: v.pipe(
    outputList(v.string()),
    v.description("Channels that it was handed to: slack, email, webhook; none where none is set up. `GET /v1/jobs?q=alert:{channel}` says how that went"),
  ),
  recoveredAt: v.nullable(isoTime),
});

const ruleEntries = {
  minSeverity: v.picklist(severities),
  codes: v.optional(v.pipe(outputList(v.string()), v.description("Findings; without it all"))),
  types: v.optional(v.pipe(outputList(v.string()), v.description("Of jobs; without it all"))),
  slack: v.boolean(),
  email: outputList(v.string()),
  destination: v.optional(v.string()),
  unconnected: v.pipe(
    outputList(v.object({ channel: v.string(), reason: v.string() })),
    v.description("Channels of the rule that get nothing: slack, email or webhook, each with what is missing"),
  ),
};
export const ruleShape = v.object({ name: v.string(), enabled: v.boolean(), ...ruleEntries, created: isoTime, updated: isoTime });
const builtInEntry = {
  builtIn: v.pipe(
    v.object({
      inForce: v.pipe(v.boolean(), v.description("No rule that is on reaches a channel. False as well when there are rules and all are off: nothing is sent")),
      ...ruleEntries,
    }),
    v.description("The built-in rule, which sends to the channels of the tenant's settings"),
  ),
};
/** The rules as the list answers them. */
export const rulesShape = v.object({ ...listShape("rules", ruleShape).entries, ...builtInEntry });
const testShape = v.object({
  sent: outputList(
    v.object({
      channel: v.string(),
      id: v.pipe(v.nullable(v.string()), v.description("Id of the job, which shows whether it arrived; null: no job")),
      reason: v.pipe(v.nullable(v.string()), v.description("Why there is no job")),
    }),
  ),
});
export const alertsShape = listShape("alerts", alertShape);

export const alertRoutes = [
  route("GET /v1/alerts", {
    name: "listAlerts",
    summary: "What went wrong and was sent to Slack, mail or a webhook, the newest failure first; the root token without a tenant sees the installation's",
    description: "New groups of dead letters, failing steps of the tick, and findings of `GET /v1/report` that are warnings or worse.",
    scope: "read",
    tenant: "any",
    query: v.strictObject(paging),
    answers: { 200: alertsShape },
    handle: async ({ deps, tenant, query }) => {
      const alerts = await listAlerts(deps.db, tenant ?? installation, query.limit);
      const findings = alerts.some(({ state }) => state === "open") ? await deps.reports.findings(tenant) : [];
      return { status: 200, body: { alerts: alerts.map((alert) => alertBody(currentOf(alert, findings, deps.now()), deps.publicUrl)) } };
    },
  }),
  ...namedRoutes(
    {
      path: "/v1/alert-rules/:name",
      name: "AlertRule",
      field: "rules",
      noun: "rule",
      summaries: {
        list: "Alert rules; without a rule that has a connected channel, warnings and worse go to the channels of the tenant's settings",
        get: "One rule",
        remove: "Remove a rule; without any the built-in one applies",
      },
      scope: "admin",
      audited: true,
      shape: ruleShape,
      store: (deps) => ({
        list: async (tenant) => withChannels(deps, tenant, await listRules(deps.db, tenant)),
        get: (tenant, name) => ruleOf(deps, tenant, name),
        remove: (tenant, name) => removeRule(deps.db, tenant, name),
      }),
      view: ruleBody,
      beside: { entries: builtInEntry, read: async (deps, tenant, rules) => ({ builtIn: await builtInOf(deps, tenant, rules) }) },
    },
    route("PUT /v1/alert-rules/:name", {
      name: "putAlertRule",
      summary: "Create or replace a rule: which findings go to which channels",
      scope: "admin",
      body: { schema: ruleSchema, limit: smallBody },
      answers: { 200: ruleShape },
      handle: async ({ deps, tenant, params, body, caller }) => {
        const name = param({ params }, "name");
        await refuseUnknown(deps, tenant, body);
        await audit({ deps, tenant, caller }, "set", `alert-rules/${name}`);
        if (!(await putRule(deps.db, tenant, name, body, deps.now()))) throw new Problem("invalid", `A tenant may have at most ${maxRules} rules.`);
        return { status: 200, body: ruleBody(await ruleOf(deps, tenant, name)) };
      },
    }),
  ),
  route("POST /v1/alert-rules/:name/test", {
    name: "testAlertRule",
    summary: "Send a test alert to the channels of a rule: a job for each, whose state shows whether it arrived",
    description: "`GET /v1/jobs?q=alert-test:{name}` lists the jobs of a rule's tests.",
    scope: "admin",
    answers: { 202: testShape },
    problems: [422, 503],
    handle: async ({ deps, tenant, params }) => {
      const rule = await ruleOf(deps, tenant, param({ params }, "name"));
      const snapshot = await snapshotOf(deps, tenant);
      const hasDestination = rule.unconnected.every(({ channel }) => channel !== "webhook");
      const testRule = { ...rule, destination: hasDestination ? rule.destination : undefined, codes: undefined, types: undefined, enabled: true };
      const notice = testNotice(tenant, deps.now());
      const requests = requestsFor(tenant, snapshot, testRule, [notice], deps.publicUrl, [`alert-test:${rule.name}`]);
      if (requests.length === 0)
        throw new Problem("invalid", `The rule's channels are not connected: ${rule.unconnected.map(({ reason }) => reason).join(" ")}`);
      const receipts = await deps.enqueue(requests.map(({ request }) => request));
      const sent = requests.map(({ channel }, index) => ({ channel, ...testOutcome(receipts[index]) }));
      return { status: 202, body: { sent: [...sent, ...rule.unconnected.map((missed) => ({ ...missed, id: null }))] } };
    },
  }),
];

function testOutcome(receipt: Receipt | undefined): { id: string | null; reason: string | null } {
  return receipt?.ok ? { id: receipt.id, reason: null } : { id: null, reason: receipt?.detail ?? "It was not accepted." };
}

/** Refuses unknown destinations and types: with a mistyped name the rule would send no alert, and no error would show it. */
async function refuseUnknown(
  deps: Pick<IntakeDeps, "destinations" | "queries" | "registry">,
  tenant: string,
  { destination, types = [] }: AlertRule,
): Promise<void> {
  const known = await Promise.all(types.map(async (type) => deps.registry.find(type) !== undefined || (await deps.queries.hasType(tenant, type))));
  const errors = [
    ...(await destinationIssues(deps, tenant, destination, "destination")),
    ...types.flatMap((_, index) => (known[index] ? [] : [{ path: `types[${index}]`, message: "is no type of job; GET /v1/types lists them" }])),
  ];
  if (errors.length > 0) throw new Problem("invalid", "The rule names a destination or a type that does not exist.", { errors });
}

async function ruleOf(deps: IntakeDeps, tenant: string, name: string): Promise<RuleView> {
  const named = (await listRules(deps.db, tenant)).filter((each) => each.name === name);
  const [rule] = await withChannels(deps, tenant, named);
  return found(rule, "rule");
}

/** Channels of a rule that get nothing. */
interface Unconnected {
  unconnected: { channel: string; reason: string }[];
}

type RuleView = NamedRule & Unconnected;

/** The built-in rule of a tenant with these rules. */
async function builtInOf(deps: IntakeDeps, tenant: string, rules: readonly RuleView[]) {
  const isReaching = ({ slack, email, destination, unconnected: missing }: RuleView) =>
    missing.length < [slack, email.length > 0, destination !== undefined].filter(Boolean).length;
  const [built] = await withChannels(deps, tenant, [builtInRule(await snapshotOf(deps, tenant))]);
  return { ...built, enabled: undefined, inForce: isBuiltInInForce(rules, isReaching) };
}

async function withChannels<Rule extends AlertRule>(deps: IntakeDeps, tenant: string, rules: readonly Rule[]): Promise<(Rule & Unconnected)[]> {
  if (rules.length === 0) return [];
  const hasDestination = rules.some(({ destination }) => destination !== undefined);
  const [snapshot, own] = await Promise.all([snapshotOf(deps, tenant), hasDestination ? ownDestinations(deps, tenant) : []]);
  return rules.map((rule) => {
    const missing = unconnected(rule, snapshot).map(({ channel, connection }) => ({ channel, reason: `The connection ${connection} is not set.` }));
    const reason = rule.destination === undefined ? undefined : whyUnreachable(own, rule.destination);
    return { ...rule, unconnected: reason === undefined ? missing : [...missing, { channel: "webhook", reason }] };
  });
}

/** A tenant of which nothing was set, as `system`, has no connections. */
async function snapshotOf({ snapshots, now }: Pick<IntakeDeps, "snapshots" | "now">, tenant: string): Promise<Pick<Snapshot, "settings" | "sections">> {
  const lookup = await snapshots.read(tenant, now());
  if (lookup.state === "unknown") throw unavailableProblem("The tenant's connections cannot be read right now.");
  return lookup.state === "known" ? lookup.snapshot : { settings: {}, sections: {} };
}

function testNotice(tenant: string, now: number): Notice {
  const cause = "finding/critical/test/alert-rule";
  const times = { firstAt: now, since: now, lastAt: now, toldAt: null, recoveredAt: null };
  return {
    kind: "began",
    alert: { tenant, cause, state: "open", subject: "alert-rule", reason: "This is a test: the alerts of Jobyard arrive here.", count: 1, via: [], ...times },
  };
}

function ruleBody(rule: RuleView) {
  return withIso(rule, "created", "updated");
}

function alertBody(alert: CurrentAlert, publicUrl: string | undefined) {
  const { cause, state, subject, sentence, actions, reason, count, since, lastAt, toldAt, via, recoveredAt } = alert;
  const times = { since: iso(since), lastAt: iso(lastAt), toldAt: isoOrNull(toldAt), recoveredAt: isoOrNull(recoveredAt) };
  const now = { sentence, notSeenSince: isoOrNull(alert.notSeenSince), actions, url: linkOf(alert, publicUrl) ?? null };
  return { cause, state, subject, reason, count, via, ...now, ...times };
}
