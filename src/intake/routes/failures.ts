import { iso, withIso } from "../../time/iso";
import * as v from "valibot";
import type { FailureDetail, FailureView } from "../../domain/failures/model";
import { statuses } from "../../domain/failures/model";
import { failure, listFailures } from "../../domain/failures/queries";
import { decideGroup } from "../../domain/failures/store";
import { newestVersion, type WorkerVersion } from "../../ledger/versions";
import { boundedName, boundedText, count, fieldRule, isoTime, outputList } from "../../bounded";
import { smallBody } from "../body";
import type { IntakeDeps } from "../deps";
import { cursorText, fromBeforeTo, paging, time } from "../query";
import { replayShape } from "../replay-shapes";
import { actorOf, param, route } from "../route";
import { nullableText } from "../shapes";
import { found, notFound } from "../problem";
import { replayOf } from "../views";

const status = v.picklist(statuses, "must be open, resolved or ignored");
const since = v.picklist(["deploy"], "must be deploy");

const listQuery = v.pipe(
  v.strictObject({
    from: v.optional(v.pipe(time, v.description("Groups whose last failure is at or after this time"))),
    to: v.optional(v.pipe(time, v.description("Groups whose first failure is before this time"))),
    since: v.optional(v.pipe(since, v.description("deploy: failed since the newest version of the Worker was first seen"))),
    status: v.optional(status),
    type: v.optional(boundedName("must be a type")),
    cursor: cursorText(/^\d{1,15}\.[0-9a-z]{16}$/),
    ...paging,
  }),
  fromBeforeTo(),
);

const decision = v.pipe(
  v.strictObject({
    status,
    untilCount: v.optional(
      v.pipe(
        v.number(),
        v.integer("must be a whole number"),
        v.minValue(1, "must be at least 1"),
        v.maxValue(1_000_000, "must be at most 1,000,000"),
        v.description("For an ignored group: it opens again after this many further failures"),
      ),
    ),
    note: v.optional(boundedText(500, { trim: true })),
  }),
  fieldRule(
    ["status", "untilCount"],
    ({ status: wanted, untilCount }) => untilCount === undefined || wanted === "ignored",
    "goes with the status ignored",
    "untilCount",
  ),
);

const entries = {
  group: v.string(),
  tenant: v.string(),
  type: v.string(),
  title: v.pipe(v.string(), v.description("The reason without what differs from case to case")),
  reason: v.pipe(nullableText, v.description("The newest one in full; null when no job fails with this cause now")),
  firstAt: v.pipe(isoTime, v.description("Of all time; a replay does not change it")),
  lastAt: isoTime,
  total: v.pipe(count, v.description("Failed tries with this cause, of all time")),
  trend: v.pipe(outputList(count), v.description("Tries that failed in each of the last 24 hours, the oldest first")),
  retrying: v.pipe(count, v.description("Jobs that failed with this cause and wait for another try")),
  dead: v.pipe(count, v.description("Dead letters; of the newest 10,000 of the tenant")),
  isNew: v.pipe(v.boolean(), v.description("Its first failure came after the newest version of the Worker was first seen")),
  status,
  untilCount: v.nullable(count),
  sinceCount: v.pipe(count, v.description("Tries that failed since the status was set")),
  note: nullableText,
  actor: v.pipe(nullableText, v.description("Who set the status: `root`, or the id of a token")),
  actorName: v.pipe(nullableText, v.description("Name of that token")),
  statusAt: v.nullable(isoTime),
};

const deploy = v.pipe(
  v.nullable(v.object({ version: v.string(), tag: v.string(), at: isoTime })),
  v.description("The newest version of the Worker, and when it was first seen"),
);

export const failuresShape = v.object({ failures: outputList(v.object(entries)), cursor: nullableText, deploy });

export const failureShape = v.object({
  ...entries,
  inDoubt: v.pipe(count, v.description("Of its dead letters those with an uncertain effect: settle it before a replay, by POST /v1/jobs/effects")),
  examples: outputList(v.string()),
  sites: v.pipe(outputList(v.object({ siteId: v.string(), count })), v.description("Shops of its jobs, the most frequent first")),
  replays: v.pipe(outputList(replayShape), v.description("Replays that named the group, newest first")),
  deploy,
});

const group = { pattern: /^[0-9a-z]{16}$/, message: "must be a group as GET /v1/failures lists them" };
const maxReplays = 10;

export const failureRoutes = [
  route("GET /v1/failures", {
    name: "listFailures",
    summary: "What fails, by cause: retrying and dead jobs together, the newest failure first",
    scope: "read",
    tenant: "any",
    query: listQuery,
    answers: { 200: failuresShape },
    handle: async ({ deps, tenant, query: { cursor: after, limit, since: wanted, ...filter } }) => {
      const version = await newestVersion(deps.db);
      const from = wanted === "deploy" ? Math.max(filter.from ?? 0, version?.firstAt ?? 0) : filter.from;
      const page = { cursor: after, limit, deployedAt: version?.firstAt ?? null, now: deps.now() };
      const { failures, cursor: next } = await listFailures(deps.db, tenant, { ...filter, from }, page);
      return { status: 200, body: { failures: failures.map(failureBody), cursor: next, deploy: deployOf(version) } };
    },
  }),
  route("GET /v1/failures/:group", {
    name: "getFailure",
    summary: "One cause of failures: examples, what its jobs share, replays tried",
    scope: "read",
    params: { group },
    answers: { 200: failureShape },
    handle: async ({ deps, tenant, params }) => ({ status: 200, body: await detailOf(deps, tenant, param({ params }, "group")) }),
  }),
  route("PUT /v1/failures/:group", {
    name: "decideFailure",
    summary: "Resolve or ignore a cause of failures: a resolved one opens again when it fails again",
    scope: "operate",
    changesOnly: true,
    params: { group },
    body: { schema: decision, limit: smallBody },
    answers: { 200: failureShape },
    handle: async ({ deps, tenant, params, body, caller }) => {
      const name = param({ params }, "group");
      if (!(await decideGroup(deps.db, tenant, name, body, actorOf(caller), deps.now()))) throw notFound("group of failures");
      return { status: 200, body: await detailOf(deps, tenant, name) };
    },
  }),
];

async function detailOf(deps: Pick<IntakeDeps, "db" | "now" | "replays">, tenant: string, name: string) {
  const version = await newestVersion(deps.db);
  const group = found(await failure(deps.db, tenant, name, version?.firstAt ?? null, deps.now()), "group of failures");
  const replays = await deps.replays.ofGroup(tenant, name, maxReplays);
  return { ...failureBody(group), replays: replays.map(replayOf), deploy: deployOf(version) };
}

function failureBody<View extends FailureView | FailureDetail>(view: View) {
  return withIso(view, "firstAt", "lastAt", "statusAt");
}

function deployOf(version: WorkerVersion | null) {
  return version && { version: version.id, tag: version.tag, at: iso(version.firstAt) };
}
