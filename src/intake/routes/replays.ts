import * as v from "valibot";
import { planShape, type ReplayView } from "../../domain/replays/model";
import { unknownTemplate } from "../../domain/mail/known";
import { Problem } from "../../errors";
import { jsonObject, outputList } from "../../bounded";
import { audit } from "../audit";
import { smallBody } from "../body";
import { webhook } from "../../jobs/webhook/job";
import { targetIssue, type TargetRules } from "../own-host";
import { redact } from "../../masking/redact";
import type { IntakeDeps } from "../deps";
import { cursorText, paging } from "../query";
import { begunOnce, onceHeaders, onceId } from "../idempotency";
import { replayShape } from "../replay-shapes";
import { actorOf, param, permits, route } from "../route";
import { eitherOf, filterEntry, idsEntry, letterEntries, refuseForeign, refuseForeignParent } from "../selection";
import { nullableText } from "../shapes";
import { found } from "../problem";
import { replayOf } from "../views";

const ratePerMinute = v.pipe(
  v.number("must be a whole number from 1 to 100,000"),
  v.integer("must be a whole number"),
  v.minValue(1, "must be at least 1"),
  v.maxValue(100_000, "must be at most 100,000"),
);

const changeRequest = v.strictObject({ ratePerMinute: v.pipe(v.nullable(ratePerMinute), v.description("Jobs a minute; null: as fast as they can")) });

export const replaysShape = v.object({ replays: outputList(replayShape), cursor: nullableText });

const replayRequest = v.pipe(
  v.strictObject({
    filter: filterEntry(letterEntries),
    ids: idsEntry,
    patch: v.optional(
      v.pipe(
        jsonObject(),
        v.check((patch) => Object.keys(patch).length > 0, "must change something"),
        v.description("Merged into each payload (RFC 7396)"),
      ),
    ),
    plan: v.optional(v.pipe(v.boolean(), v.description("true: only count the jobs"))),
    canary: v.optional(
      v.pipe(
        v.number("must be a whole number from 0 to 500"),
        v.integer("must be a whole number"),
        v.minValue(0, "must be at least 0"),
        v.maxValue(500, "must be at most 500"),
        v.description("Jobs that are sent first (default 5, 0 for none): the others follow when most of them ended well, else the replay stops"),
      ),
    ),
    ratePerMinute: v.optional(ratePerMinute),
  }),
  eitherOf(),
);

export const replayRoutes = [
  route("POST /v1/replays", {
    name: "createReplay",
    summary: "Run dead letters again, or plan it; with a patch, which may show a payload to others, by an admin",
    description:
      "Takes a `filter` or `ids`; an empty filter is refused. `plan: true` only counts. `patch` corrects payloads. `ratePerMinute` paces the replay.",
    scope: "operate",
    fieldScopes: { patch: "admin" },
    headers: onceHeaders,
    body: { schema: replayRequest, limit: smallBody },
    answers: { 200: planShape, 202: replayShape },
    problems: [503],
    handle: async ({ deps, tenant, body, caller, request: { url, headers } }) => {
      const { plan, ...given } = body;
      const { id, isKeyed } = await onceId(headers, tenant, "replay");
      refuseWrongTarget(given.patch, { requestUrl: url, rules: deps.rules });
      await refuseUnknownTemplate(deps, tenant, given.patch);
      await refuseForeign(deps, tenant, given.ids);
      await refuseForeignParent(deps, tenant, given.filter?.parent, "filter.parent");
      const request = given.ids ? { ...given, ids: [...new Set(given.ids)] } : given;
      const { replays } = deps;
      const auditPatch = async (target: string) => {
        if (given.patch) await audit({ deps, tenant, caller }, "patch", target, redact(Object.keys(given.patch).join(", ")));
      };
      if (plan) {
        // The issues of a plan reveal payloads.
        await auditPatch("plan");
        return { status: 200, body: await replays.plan(tenant, request) };
      }
      const begin = async () => {
        await auditPatch(id);
        await audit({ deps, tenant, caller }, "replay", id);
        return replays.create(tenant, request, id, actorOf(caller));
      };
      const begun = await begunOnce(isKeyed, () => replays.earlier(tenant, id, request), begin);
      return { status: 202, body: replayOf(begun.view), headers: { location: `/v1/replays/${id}`, ...begun.headers } };
    },
  }),
  route("GET /v1/replays", {
    name: "listReplays",
    summary: "Replays, newest first: what each replays, how far it is and what came of it",
    scope: "read",
    tenant: "any",
    query: v.strictObject({ cursor: cursorText(/^\d{1,15}\.[0-9a-f-]{36}$/), ...paging }),
    answers: { 200: replaysShape },
    handle: async ({ deps, tenant, query }) => {
      const page = await deps.replays.list(tenant, query);
      return { status: 200, body: { replays: page.replays.map(replayOf), cursor: page.cursor } };
    },
  }),
  route("GET /v1/replays/:id", {
    name: "getReplay",
    summary: "The progress of a replay",
    scope: "read",
    answers: { 200: replayShape },
    handle: async ({ deps, tenant, params }) => {
      return { status: 200, body: replayOf(found(await deps.replays.get(tenant, param({ params }, "id")), "replay")) };
    },
  }),
  route("PATCH /v1/replays/:id", {
    name: "changeReplay",
    summary: "Change the rate of a running replay, from the next minute on",
    scope: "operate",
    body: { schema: changeRequest, limit: smallBody },
    answers: { 200: replayShape },
    problems: [409],
    handle: async ({ deps, tenant, params, caller, body }) => {
      const changed = found(await deps.replays.setRate(tenant, param({ params }, "id"), body.ratePerMinute), "replay");
      if (!changed.changed) throw new Problem("conflict", `The replay does not run: it is ${changed.replay.state}.`);
      const rate = body.ratePerMinute === null ? "as fast as they can" : `${body.ratePerMinute} a minute`;
      await audit({ deps, tenant, caller }, "rate", `replays/${changed.replay.id}`, rate);
      return { status: 200, body: replayOf(changed.replay) };
    },
  }),
  route("POST /v1/replays/:id/resume", {
    name: "resumeReplay",
    summary: "Go on with a stopped replay, within a minute: first its canary of those that were not sent; one with a patch by an admin",
    scope: "operate",
    answers: { 200: replayShape },
    problems: [409],
    handle: async ({ deps, tenant, params, caller }) => {
      const { replays } = deps;
      const stopped = found(await replays.get(tenant, param({ params }, "id")), "replay");
      const isPatched = stopped.patched.length > 0;
      if (isPatched && !permits(caller, "admin")) throw new Problem("forbidden", 'The replay has a patch: to resume it needs the scope "admin".');
      const resumed = found(await replays.resume(tenant, stopped.id, actorOf(caller)), "replay");
      if (!resumed.changed) throw new Problem("conflict", notResumable(resumed.replay));
      if (isPatched) await audit({ deps, tenant, caller }, "patch", stopped.id, redact(stopped.patched.join(", ")));
      await audit({ deps, tenant, caller }, "resume", `replays/${resumed.replay.id}`);
      return { status: 200, body: replayOf(resumed.replay) };
    },
  }),
  route("POST /v1/replays/:id/abort", {
    name: "abortReplay",
    summary: "Stop a replay; what it has replayed is kept",
    scope: "operate",
    answers: { 200: replayShape },
    problems: [409],
    handle: async ({ deps, tenant, params, caller }) => {
      const aborted = found(await deps.replays.abort(tenant, param({ params }, "id")), "replay");
      if (!aborted.changed) throw new Problem("conflict", notStoppable(aborted.replay));
      await audit({ deps, tenant, caller }, "abort", `replays/${aborted.replay.id}`);
      return { status: 200, body: replayOf(aborted.replay) };
    },
  }),
];

/** Refuses a patch that directs a webhook at this service, or at a forbidden address. */
function refuseWrongTarget(patch: Record<string, unknown> | undefined, target: TargetRules): void {
  const issue = targetIssue(webhook.type, patch, target);
  if (issue) throw new Problem("invalid", "The address cannot be called.", { errors: [{ ...issue, path: "patch.url" }] });
}

/** Refuses a patch that names a template which does not exist. */
async function refuseUnknownTemplate(deps: Pick<IntakeDeps, "templates">, tenant: string, patch: Record<string, unknown> | undefined): Promise<void> {
  const issue = await unknownTemplate(tenant, patch, deps.templates);
  if (issue) throw new Problem("invalid", "There is no such template.", { errors: [{ ...issue, path: "patch.templateId" }] });
}

function notResumable({ state, open, unsent }: ReplayView): string {
  if (state !== "stopped") return `The replay is not stopped: it is ${state}.`;
  if (unsent === 0) return "The replay has nothing left to send: no dead letter of it is left.";
  const [sent, ended] = open === 1 ? ["One job that the replay has sent has", "it has"] : [`${open} jobs that the replay has sent have`, "they have"];
  return `${sent} not ended yet and would count for the new canary: resume it once ${ended} ended, or begin a new replay.`;
}

function notStoppable({ state }: ReplayView): string {
  return state === "running" ? "The replay has sent all its jobs: there is nothing left to stop." : `The replay has ended: it is ${state}.`;
}
