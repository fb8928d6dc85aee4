import { withIso } from "../../time/iso";
import * as v from "valibot";
import { bulkActionNames, type BulkPlan, bulkPlanShape, type BulkRequest, type BulkView } from "../../domain/bulk-actions/model";
import { Problem } from "../../errors";
import { boundedName, count, isoTime } from "../../bounded";
import { audit } from "../audit";
import { smallBody } from "../body";
import { begunOnce, onceHeaders, onceId } from "../idempotency";
import { siteId } from "../../domain/shop/site/model";
import { paging, search, time } from "../query";
import { type RouteCall, param, route } from "../route";
import { eitherOf, filterEntry, idsEntry, letterEntries, refuseForeign, refuseForeignParent } from "../selection";
import { found } from "../problem";
import { listShape } from "../shapes";

const openStates = ["queued", "running", "retrying", "waiting", "scheduled"] as const;
const heldStates = ["retrying", "waiting", "scheduled"] as const;

const plan = v.optional(v.pipe(v.boolean(), v.description("true: only count the jobs")));

const openEntries = {
  type: v.optional(boundedName("must be a type")),
  queue: v.optional(boundedName("must be a queue")),
  siteId: v.optional(siteId),
  parent: letterEntries.parent,
  q: v.optional(v.pipe(search, v.description("As in GET /v1/jobs"))),
  from: v.optional(time),
  to: v.optional(time),
};

const stateEntry = <States extends readonly string[]>(states: States) => v.optional(v.picklist(states, `must be one of ${states.join(", ")}`));

const cancelRequest = v.pipe(v.strictObject({ filter: filterEntry({ ...openEntries, state: stateEntry(openStates) }), ids: idsEntry, plan }), eitherOf());

const runNowRequest = v.pipe(
  v.strictObject({
    filter: filterEntry({
      ...openEntries,
      state: stateEntry(heldStates),
      group: v.optional(v.pipe(letterEntries.group.wrapped, v.description("A failure group as /v1/failures lists them: its retrying jobs"))),
    }),
    ids: idsEntry,
    plan,
  }),
  eitherOf(),
);

const dismissRequest = v.pipe(v.strictObject({ filter: filterEntry(letterEntries), ids: idsEntry, plan }), eitherOf());

export const bulkActionShape = v.object({
  id: v.string(),
  action: v.picklist(bulkActionNames),
  state: v.picklist(["running", "stopped", "done"]),
  total: v.pipe(count, v.description("Jobs that it named when it began")),
  done: v.pipe(count, v.description("Cancelled (one that runs ends within seconds), running now, or taken off the list")),
  failed: v.pipe(count, v.description("Jobs that ended or ran meanwhile, that something other than time holds back, or that are no dead letters")),
  at: isoTime,
  endedAt: v.nullable(isoTime),
});

const answers = { 200: bulkPlanShape, 202: bulkActionShape };

export const bulkActionRoutes = [
  route("POST /v1/jobs/cancel", {
    name: "cancelJobs",
    summary: "Cancel open jobs by a filter or by ids, or plan it",
    scope: "operate",
    headers: onceHeaders,
    body: { schema: cancelRequest, limit: smallBody },
    answers,
    handle: ({ body: { plan: isPlan, ...request }, ...call }) => startAction(call, { action: "cancel", ...request }, isPlan),
  }),
  route("POST /v1/jobs/run-now", {
    name: "runJobsNow",
    summary: "Run delayed, waiting and retrying jobs now by a filter or by ids, or plan it",
    description: "Jobs that a pause, an open circuit, a paused site or the plan of their campaign holds back are left out: running them now would not help.",
    scope: "operate",
    headers: onceHeaders,
    body: { schema: runNowRequest, limit: smallBody },
    answers,
    handle: ({ body: { plan: isPlan, ...request }, ...call }) => startAction(call, { action: "run-now", ...request }, isPlan),
  }),
  route("POST /v1/dead-letters/dismiss", {
    name: "dismissDeadLetters",
    summary: "Take dead letters off the list by a filter or by ids, or plan it; their jobs stay readable",
    scope: "operate",
    headers: onceHeaders,
    body: { schema: dismissRequest, limit: smallBody },
    answers,
    handle: ({ body: { plan: isPlan, ...request }, ...call }) => startAction(call, { action: "dismiss", ...request }, isPlan),
  }),
  route("GET /v1/bulk-actions", {
    name: "listBulkActions",
    summary: "Bulk actions (cancel, run now, dismiss), newest first",
    scope: "read",
    query: v.strictObject({ ...paging }),
    answers: { 200: listShape("actions", bulkActionShape) },
    handle: async ({ deps, tenant, query }) => ({ status: 200, body: { actions: (await deps.bulkActions.list(tenant, query.limit)).map(actionBody) } }),
  }),
  route("GET /v1/bulk-actions/:id", {
    name: "getBulkAction",
    summary: "The progress of a bulk action",
    scope: "read",
    answers: { 200: bulkActionShape },
    handle: async ({ deps, tenant, params }) => {
      return { status: 200, body: actionBody(found(await deps.bulkActions.get(tenant, param({ params }, "id")), "bulk action")) };
    },
  }),
  route("POST /v1/bulk-actions/:id/abort", {
    name: "abortBulkAction",
    summary: "Stop a bulk action; what it has done is kept",
    scope: "operate",
    answers: { 200: bulkActionShape },
    problems: [409],
    handle: async ({ deps, tenant, params, caller }) => {
      const aborted = found(await deps.bulkActions.abort(tenant, param({ params }, "id")), "bulk action");
      if (!aborted.changed) throw new Problem("conflict", `The action has ended: it is ${aborted.action.state}.`);
      await audit({ deps, tenant, caller }, "abort", `bulk-actions/${aborted.action.id}`);
      return { status: 200, body: actionBody(aborted.action) };
    },
  }),
];

type Begun = { status: 200; body: BulkPlan } | { status: 202; body: ReturnType<typeof actionBody>; headers: Record<string, string> };

async function startAction(
  { deps, tenant, caller, request: { headers } }: Omit<RouteCall<"own">, "body">,
  request: BulkRequest,
  isPlan = false,
): Promise<Begun> {
  const { id, isKeyed } = await onceId(headers, tenant, request.action);
  await refuseForeign(deps, tenant, request.ids);
  await refuseForeignParent(deps, tenant, request.filter?.parent, "filter.parent");
  if (isPlan) return { status: 200, body: await deps.bulkActions.plan(tenant, request) };
  const begin = async () => {
    await audit({ deps, tenant, caller }, request.action, id);
    return deps.bulkActions.create(tenant, request, id);
  };
  const begun = await begunOnce(isKeyed, () => deps.bulkActions.earlier(tenant, id, request), begin);
  return { status: 202, body: actionBody(begun.view), headers: { location: `/v1/bulk-actions/${id}`, ...begun.headers } };
}

function actionBody(view: BulkView) {
  return withIso(view, "at", "endedAt");
}
