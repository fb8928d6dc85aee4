import { iso, isoOrNull } from "../../time/iso";
import * as v from "valibot";
import { type Alert, installation, type Notice } from "../../domain/alerts/model";
import { listAlerts, listRules } from "../../domain/alerts/queries";
import { type AlertRule, maxRules, type NamedRule, ruleSchema } from "../../domain/alerts/rule";
import { putRule, removeRule } from "../../domain/alerts/store";
import { severities } from "../../domain/report/model";
import { Problem } from "../../errors";
import { outputList } from "../../queue/bounded";
import type { Receipt } from "../../queue/request";
import { audit } from "../audit";
import { smallBody } from "../body";
import type { IntakeDeps } from "../deps";
import { notFound, namedRoutes } from "../named-routes";
import { unavailable } from "../problem";
import { paging } from "../query";
import { param, route } from "../route";
import { count, isoTime, listShape } from "../shapes";
import { requestsFor, unconnected } from "../tick/send-alerts";

export const alertShape = v.object({
  cause: v.pipe(v.string(), v.description("dead-letters/{group}, tick/{step}, no-worker/{type} or offers-void/{worker}")),
  state: v.picklist(["open", "recovered"]),
  subject: v.pipe(v.string(), v.description("Job type, or step of the tick")),
  reason: v.pipe(v.string(), v.description("Reason of the newest failure")),
  count: v.pipe(count, v.description("Failures since it opened")),
  since: isoTime,
  lastAt: isoTime,
  toldAt: v.pipe(v.nullable(isoTime), v.description("When it was last sent")),
  via: v.pipe(
    outputList(v.string()),
    v.description("Channels that it was handed to: slack, email, webhook; none where none is set up. `GET /v1/jobs?q=alert:{channel}` says how that went"),
  ),
  recoveredAt: v.nullable(isoTime),
});

export const ruleShape = v.object({
  name: v.string(),
  minSeverity: v.picklist(severities),
  codes: v.optional(v.pipe(outputList(v.string()), v.description("Findings; without it all"))),
  types: v.optional(v.pipe(outputList(v.string()), v.description("Of jobs; without it all"))),
  slack: v.boolean(),
  email: outputList(v.string()),
  destination: v.optional(v.string()),
  enabled: v.boolean(),
  created: isoTime,
  updated: isoTime,
});
/** A rule as the list answers it. */
export const rulesShape = listShape("rules", ruleShape);
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
    description: "New groups of dead letters, and failing steps of the tick.",
    scope: "read",
    tenant: "any",
    query: v.strictObject(paging),
    answers: { 200: alertsShape },
    handle: async ({ deps, tenant, query }) => {
      const alerts = await listAlerts(deps.db, tenant ?? installation, query.limit);
      return { status: 200, body: { alerts: alerts.map(alertBody) } };
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
      store: ({ db }) => ({
        list: (tenant) => listRules(db, tenant),
        get: (tenant, name) => ruleOf({ db }, tenant, name),
        remove: (tenant, name) => removeRule(db, tenant, name),
      }),
      view: ruleBody,
    },
    route("PUT /v1/alert-rules/:name", {
      name: "putAlertRule",
      summary: "Create or replace a rule: which findings go to which channels",
      scope: "admin",
      tenant: "own",
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
    tenant: "own",
    answers: { 202: testShape },
    problems: [422, 503],
    handle: async ({ deps, tenant, params }) => {
      const rule = await ruleOf(deps, tenant, param({ params }, "name"));
      const lookup = await deps.snapshots.read(tenant, deps.now());
      if (lookup.state !== "known") throw unavailable("The tenant's connections cannot be read right now.");
      const testRule = { ...rule, codes: undefined, types: undefined, enabled: true };
      const notice = testNotice(tenant, deps.now());
      const requests = requestsFor(tenant, lookup.snapshot, testRule, [notice], deps.publicUrl, [`alert-test:${rule.name}`]);
      if (requests.length === 0) throw new Problem("invalid", "The rule's channels are not connected: set the connection slack or mail first.");
      const receipts = await deps.enqueue(requests.map(({ request }) => request));
      const sent = requests.map(({ channel }, index) => ({ channel, ...outcomeOf(receipts[index]) }));
      const missed = unconnected(rule, lookup.snapshot).map(({ channel, connection }) => ({
        channel,
        id: null,
        reason: `The connection ${connection} is not set.`,
      }));
      return { status: 202, body: { sent: [...sent, ...missed] } };
    },
  }),
];

function outcomeOf(receipt: Receipt | undefined): { id: string | null; reason: string | null } {
  return receipt?.ok ? { id: receipt.id, reason: null } : { id: null, reason: receipt?.detail ?? "It was not accepted." };
}

/** Refuses unknown destinations and types: with a mistyped name the rule would send no alert, and no error would show it. */
async function refuseUnknown(
  deps: Pick<IntakeDeps, "destinations" | "queries" | "registry">,
  tenant: string,
  { destination, types = [] }: AlertRule,
): Promise<void> {
  const own = destination === undefined ? [] : (await deps.destinations.list(tenant)).filter(({ builtIn }) => !builtIn).map(({ name }) => name);
  const known = await Promise.all(types.map(async (type) => deps.registry.find(type) !== undefined || (await deps.queries.hasType(tenant, type))));
  const there = own.length === 0 ? "there is none: PUT /v1/destinations/{name} makes one" : `there are ${own.join(", ")}`;
  const errors = [
    ...(destination === undefined || own.includes(destination) ? [] : [{ path: "destination", message: `is no destination with an address; ${there}` }]),
    ...types.flatMap((_, index) => (known[index] ? [] : [{ path: `types[${index}]`, message: "is no type of job; GET /v1/types lists them" }])),
  ];
  if (errors.length > 0) throw new Problem("invalid", "The rule names a destination or a type that does not exist.", { errors });
}

async function ruleOf({ db }: Pick<IntakeDeps, "db">, tenant: string, name: string): Promise<NamedRule> {
  const rule = (await listRules(db, tenant)).find((each) => each.name === name);
  if (!rule) throw notFound("rule");
  return rule;
}

function testNotice(tenant: string, now: number): Notice {
  const cause = "finding/critical/test/alert-rule";
  const times = { since: now, lastAt: now, toldAt: null, recoveredAt: null };
  return {
    kind: "began",
    alert: { tenant, cause, state: "open", subject: "alert-rule", reason: "This is a test: the alerts of Jobyard arrive here.", count: 1, via: [], ...times },
  };
}

function ruleBody({ created, updated, ...rule }: NamedRule) {
  return { ...rule, created: iso(created), updated: iso(updated) };
}

function alertBody(alert: Alert) {
  const { cause, state, subject, reason, count, since, lastAt, toldAt, via, recoveredAt } = alert;
  const times = { since: iso(since), lastAt: iso(lastAt), toldAt: isoOrNull(toldAt), recoveredAt: isoOrNull(recoveredAt) };
  return { cause, state, subject, reason, count, via, ...times };
}
