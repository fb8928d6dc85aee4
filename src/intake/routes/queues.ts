import { isoOrNull } from "../../time/iso";
import * as v from "valibot";
import { Problem } from "../../errors";
import { boundedText, count, isoTime, outputList } from "../../bounded";
import type { Pause } from "../../queue/ports/job-row";
import { audit } from "../audit";
import { smallBody } from "../body";
import { healths, type QueueFlow } from "../../domain/report/flow";
import type { QueueWhy } from "../../domain/report/flow-why";
import type { IntakeDeps } from "../deps";
import { toSchema } from "../json-schema";
import { pausedShape, pauseView } from "../pause-shapes";
import { actorOf, type BodyRule, param, route } from "../route";
import { typesShape, whyEntries } from "../shapes";
import { whyView } from "../views";

const allTenants = "*";

export const queuesShape = v.object({
  queues: outputList(
    v.object({
      queue: v.string(),
      types: outputList(v.string()),
      backlog: v.nullable(count),
      bytes: v.nullable(count),
      oldestAt: v.nullable(isoTime),
      running: count,
      ready: v.pipe(count, v.description("Wait in the queue, with a message")),
      held: v.pipe(count, v.description("All that a gate, a pause or a wait holds back")),
      parked: v.pipe(count, v.description("Those of `held` without a message")),
      paced: v.pipe(count, v.description("Those of `held` that wait by the plan of their campaign: its rate, its window, or the pages that it has open")),
      retrying: count,
      scheduled: count,
      oldestReadyAt: v.nullable(isoTime),
      donePerMinute: v.number(),
      failedPerMinute: v.pipe(v.number(), v.description("Attempts that failed")),
      waitP95Ms: v.pipe(v.nullable(v.number()), v.description("95th percentile of the waits of the newest jobs that started; milliseconds")),
      health: v.picklist(healths),
      heldBy: outputList(v.object({ cause: v.string(), count })),
      why: v.pipe(
        v.nullable(v.object({ ...whyEntries, tenant: v.pipe(v.string(), v.description("Tenant of the jobs; `*`: all tenants")) })),
        v.description("Why its jobs wait, in the sentence that the report and each such job have; null when none is held back or late"),
      ),
      paused: v.pipe(v.boolean(), v.description("For this tenant, by its own pause or by one for all tenants")),
    }),
  ),
});

/** The reason of a pause or resume, shown with the pause. */
const pauseReason = v.strictObject({ reason: v.optional(boundedText(200, { min: 1, trim: true })) });

export const pauseBody: BodyRule<v.InferOutput<typeof pauseReason>> = { schema: pauseReason, limit: smallBody, optional: true };

export const queueRoutes = [
  route("GET /v1/types", {
    name: "listTypes",
    summary: "Every type of job that may be enqueued, its policy and the schema of its payload",
    scope: "read",
    tenant: "any",
    answers: { 200: typesShape },
    handle: async ({ deps, tenant }) => {
      const paused = await pausedNames(deps, tenant, "type");
      const known = deps.registry.contracts().filter(({ internal }) => !internal);
      const types = known.map(({ type, version, queues, aliases, policy, senderPayload, remote }) => {
        return { type, version, queues, aliases, policy, payload: toSchema(senderPayload), remote: remote ?? null, paused: paused.has(type) };
      });
      return { status: 200, body: { types } };
    },
  }),
  route("GET /v1/queues", {
    name: "listQueues",
    summary: "Queues with their jobs by state and what holds them; for the root token with the backlog of messages",
    description: "Counts jobs that run, are ready, are held or scheduled, and jobs done in a minute.",
    scope: "read",
    tenant: "any",
    answers: { 200: queuesShape },
    handle: async ({ deps, tenant, caller }) => {
      // Metrics count the messages of all tenants, so only the root token gets them.
      const [metrics, paused, flows] = await Promise.all([
        caller.kind === "root" ? deps.platform.queues() : [],
        pausedNames(deps, tenant, "queue"),
        deps.reports.flow(tenant),
      ]);
      const listed = [...flows].map(([queue, flow]) => {
        const { backlog = null, bytes = null, oldestAt = null } = metrics.find((each) => each.queue === queue) ?? {};
        return { queue, types: typesOn(deps, queue), backlog, bytes, oldestAt: isoOrNull(oldestAt), ...flowView(flow), paused: paused.has(queue) };
      });
      return { status: 200, body: { queues: listed } };
    },
  }),
  ...pauseRoutes("queue", "/v1/queues/:queue", "a queue", (deps, name) => deps.platform.queues().then((all) => all.some(({ queue }) => queue === name))),
  ...pauseRoutes("type", "/v1/types/:type", "a type of job", async (deps, name) => deps.registry.contracts().some(({ type }) => type === name)),
];

function flowView({ why, ...flow }: QueueFlow & { why: QueueWhy | null }) {
  return { ...flow, oldestReadyAt: isoOrNull(flow.oldestReadyAt), why: whyView(why) };
}

/** The routes that pause and resume a queue or a type. The root token without a tenant acts for all tenants. */
function pauseRoutes(scope: "queue" | "type", path: `/${string}`, what: string, exists: (deps: IntakeDeps, name: string) => Promise<boolean>) {
  return (["pause", "resume"] as const).map((verb) =>
    route(`POST ${path}/${verb}`, {
      name: `${verb}${scope === "queue" ? "Queue" : "Type"}`,
      scope: "operate",
      tenant: "any",
      summary: verb === "pause" ? `Pause ${what}: its jobs wait, none is lost` : `Resume ${what}`,
      body: pauseBody,
      answers: { 200: pausedShape },
      handle: async ({ deps, tenant, params, body, caller }) => {
        const name = param({ params }, scope);
        if (!(await exists(deps, name))) throw new Problem("not-found", `There is no such ${scope}.`);
        await audit({ deps, tenant, caller }, verb, `${scope}s/${name}`);
        await deps.operate[verb](tenant, scope, name, { actor: actorOf(caller), reason: body.reason });
        return { status: 200, body: await pausedNow(deps, tenant, scope, name) };
      },
    }),
  );
}

/** The state after a pause or a resume: after a resume another pause may still hold jobs. */
export async function pausedNow(deps: Pick<IntakeDeps, "operate">, tenant: string | null, scope: Pause["scope"], name: string) {
  const pauses = (await deps.operate.pauses(tenant)).filter((pause) => pause.scope === scope && pause.name === name);
  const here = tenant ?? allTenants;
  return { scope, name, tenant: here, paused: pauses.some((pause) => pause.tenant === allTenants || pause.tenant === here), pauses: pauses.map(pauseView) };
}

/** Names paused for a tenant or for all tenants; for the root token only those paused for all. */
async function pausedNames(deps: Pick<IntakeDeps, "operate">, tenant: string | null, scope: Pause["scope"]): Promise<Set<string>> {
  const pauses = await deps.operate.pauses(tenant);
  const here = pauses.filter((pause) => pause.scope === scope && (pause.tenant === allTenants || pause.tenant === tenant));
  return new Set(here.map((pause) => pause.name));
}

function typesOn(deps: Pick<IntakeDeps, "registry">, queue: string): string[] {
  return deps.registry.contracts().flatMap(({ type, queues }) => (queues.includes(queue) ? [type] : []));
}
