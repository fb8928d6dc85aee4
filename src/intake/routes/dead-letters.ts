import * as v from "valibot";
import { unknownTemplate } from "../../domain/mail/known";
import type { ReplayRequest } from "../../domain/replays/model";
import { Problem } from "../../errors";
import { boundedList, boundedName, boundedText, jsonObject } from "../../queue/bounded";
import { smallBody } from "../body";
import { webhook } from "../../jobs/webhook/job";
import { ownTarget } from "../own-host";
import { redact } from "../../masking/redact";
import type { AuditEntry, IntakeDeps } from "../deps";
import { deadLetterCursor, inOrder, paging, search, siteId, time } from "../query";
import { actorOf, type Caller, param, route } from "../route";
import { planShape, replayShape } from "../replay-shapes";
import { deadLettersShape, groupsShape, listShape } from "../shapes";
import { deadLetterOf, groupOf, replayOf } from "../views";

const group = boundedText(128, { pattern: /^[\x21-\x7e]{1,128}$/, rule: "must be a group as /v1/dead-letters/groups lists them" });
const fateOfJob = v.picklist(["dead", "discarded"], "must be dead or discarded");

const filterEntries = {
  type: v.optional(boundedName("must be a type")),
  state: v.optional(fateOfJob),
  siteId: v.optional(siteId),
  group: v.optional(group),
  q: v.optional(search),
  from: v.optional(time),
  to: v.optional(time),
};

const listQuery = v.pipe(v.strictObject({ ...filterEntries, cursor: deadLetterCursor, ...paging }), inOrder());

const mostIds = 1000;

const replayRequest = v.pipe(
  v.strictObject({
    filter: v.optional(
      v.pipe(
        v.strictObject(filterEntries),
        v.check((filter) => Object.values(filter).some((value) => value !== undefined), "must name at least one field: an empty filter replays nothing"),
        inOrder(),
      ),
    ),
    ids: v.optional(
      boundedList(boundedText(64, { pattern: /^[a-z0-9]{1,64}$/, rule: "must be the id of a job" }), mostIds, {
        min: 1,
        rule: "must name 1 to 1,000 jobs; use a filter for more",
      }),
    ),
    patch: v.optional(
      v.pipe(
        jsonObject(),
        v.check((patch) => Object.keys(patch).length > 0, "must change something"),
        v.description("Merged into each payload (RFC 7396)"),
      ),
    ),
    plan: v.optional(v.pipe(v.boolean(), v.description("true: only say what would be replayed"))),
    canary: v.optional(
      v.pipe(
        v.number(),
        v.integer("must be a whole number"),
        v.minValue(0, "must be at least 0"),
        v.maxValue(500, "must be at most 500"),
        v.description("Jobs that are sent first (default 5, 0 for none): the others follow when most of them ended well, else the replay stops"),
      ),
    ),
    ratePerMinute: v.optional(
      v.pipe(v.number(), v.integer("must be a whole number"), v.minValue(1, "must be at least 1"), v.maxValue(100_000, "must be at most 100,000")),
    ),
  }),
  v.check(({ filter, ids }) => (filter === undefined) !== (ids === undefined), "give either filter or ids"),
);

export const deadLetterRoutes = [
  route("GET /v1/dead-letters", {
    name: "listDeadLetters",
    summary: "List jobs that failed for good",
    scope: "read",
    tenant: "own",
    query: listQuery,
    answers: { 200: deadLettersShape },
    handle: async ({ deps, tenant, query }) => {
      const { cursor, limit, ...filter } = query;
      const page = await deps.queries.deadLetters(tenant, filter, { cursor, limit });
      return { status: 200, body: { deadLetters: page.deadLetters.map(deadLetterOf), cursor: page.cursor } };
    },
  }),
  route("GET /v1/dead-letters/groups", {
    name: "listDeadLetterGroups",
    summary: "Dead letters by what they failed of",
    scope: "read",
    tenant: "own",
    answers: { 200: groupsShape },
    handle: async ({ deps, tenant }) => ({ status: 200, body: { groups: (await deps.queries.groups(tenant)).map(groupOf) } }),
  }),
  route("DELETE /v1/dead-letters/:id", {
    name: "dismissDeadLetter",
    summary: "Take a dead letter off the list; its job stays readable",
    scope: "operate",
    tenant: "own",
    answers: { 204: null },
    handle: async ({ deps, tenant, params }) => {
      const id = param({ params }, "id");
      if (!(await deps.belongs(tenant, id)) || !(await deps.operate.dismiss(tenant, id))) throw new Problem("not-found", "There is no such dead letter.");
      return { status: 204 };
    },
  }),
  route("POST /v1/replays", {
    name: "createReplay",
    summary: "Run dead letters again, or plan it; with a patch, which may show a payload to others, by an admin",
    description:
      "Takes a `filter` or `ids`; an empty filter is refused. `plan: true` only counts. `patch` corrects payloads. `ratePerMinute` paces the replay.",
    scope: "operate",
    tenant: "own",
    fieldScopes: { patch: "admin" },
    body: { schema: replayRequest, limit: smallBody },
    answers: { 200: planShape, 202: replayShape },
    problems: [503],
    handle: async ({ deps, tenant, body, caller, request: { url } }) => {
      const { plan, ...given } = body;
      refuseOwnTarget(given.patch, url);
      await refuseUnknownTemplate(deps, tenant, given.patch);
      await refuseForeign(deps, tenant, given);
      const request = given.ids ? { ...given, ids: [...new Set(given.ids)] } : given;
      const id = crypto.randomUUID();
      // A plan as well: what it refuses tells of the payloads.
      if (given.patch) await deps.audit({ ...patching(tenant, caller, given.patch), target: plan ? "plan" : id, at: deps.now() });
      if (plan) return { status: 200, body: await deps.operate.replays.plan(tenant, request) };
      const replay = await deps.operate.replays.create(tenant, request, id);
      return { status: 202, body: replayOf(replay), headers: { location: `/v1/replays/${replay.id}` } };
    },
  }),
  route("GET /v1/replays", {
    name: "listReplays",
    summary: "Replays, newest first",
    scope: "read",
    tenant: "own",
    query: v.strictObject({ ...paging }),
    answers: { 200: listShape("replays", replayShape) },
    handle: async ({ deps, tenant, query }) => {
      const replays = await deps.operate.replays.list(tenant, query.limit);
      return { status: 200, body: { replays: replays.map(replayOf) } };
    },
  }),
  route("GET /v1/replays/:id", {
    name: "getReplay",
    summary: "How far a replay is",
    scope: "read",
    tenant: "own",
    answers: { 200: replayShape },
    handle: async ({ deps, tenant, params }) => {
      const replay = await deps.operate.replays.get(tenant, param({ params }, "id"));
      if (!replay) throw noReplay();
      return { status: 200, body: replayOf(replay) };
    },
  }),
  route("POST /v1/replays/:id/abort", {
    name: "abortReplay",
    summary: "Stop a replay; what it has replayed stays so",
    scope: "operate",
    tenant: "own",
    answers: { 200: replayShape },
    problems: [409],
    handle: async ({ deps, tenant, params }) => {
      const aborted = await deps.operate.replays.abort(tenant, param({ params }, "id"));
      if (!aborted) throw noReplay();
      if (!aborted.changed) throw new Problem("conflict", `The replay has ended: it is ${aborted.replay.state}.`);
      return { status: 200, body: replayOf(aborted.replay) };
    },
  }),
];

async function refuseForeign(deps: IntakeDeps, tenant: string, { ids = [] }: ReplayRequest): Promise<void> {
  const own = await Promise.all(ids.map((id) => deps.belongs(tenant, id)));
  const errors = own.flatMap((belongs, index) => (belongs ? [] : [{ path: `ids[${index}]`, message: "is no job of this tenant" }]));
  if (errors.length > 0) throw new Problem("invalid", "Some ids are not jobs of this tenant.", { errors });
}

/** A patch may give a webhook another receiver, and this service is none. */
function refuseOwnTarget(patch: Record<string, unknown> | undefined, requestUrl: string): void {
  const issue = ownTarget(webhook.type, patch, requestUrl);
  if (issue) throw new Problem("invalid", "The address is this service's own.", { errors: [{ ...issue, path: "patch.url" }] });
}

/** A patch may give a mail another template. */
async function refuseUnknownTemplate(deps: IntakeDeps, tenant: string, patch: Record<string, unknown> | undefined): Promise<void> {
  const issue = await unknownTemplate(tenant, patch, deps.templates);
  if (issue) throw new Problem("invalid", "There is no such template.", { errors: [{ ...issue, path: "patch.templateId" }] });
}

/** The names of the patched fields, no value. */
function patching(tenant: string, caller: Caller, patch: Record<string, unknown>): Pick<AuditEntry, "tenant" | "actor" | "action" | "detail"> {
  return { tenant, actor: actorOf(caller), action: "patch", detail: redact(Object.keys(patch).join(", ")) };
}

function noReplay(): Problem {
  return new Problem("not-found", "There is no such replay.");
}
