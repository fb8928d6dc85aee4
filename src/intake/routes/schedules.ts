import { withIso } from "../../time/iso";
import { unknownTemplate } from "../../domain/mail/known";
import { schedulePayload, type Schedule, type ScheduleInput, scheduleInput, scheduleView } from "../../domain/schedules/model";
import type { Prospect } from "../../domain/report/why";
import { Problem, wrongInput } from "../../errors";
import { email } from "../../jobs/email/job";
import { ownKeyOf } from "../../domain/schedules/due";
import { pastRuns } from "../../domain/schedules/queries";
import { mask } from "../../masking/personal";
import { check } from "../../queue/validate";
import { smallBody } from "../body";
import type { IntakeDeps } from "../deps";
import { idempotencyHeaders, readIdempotencyKey } from "../idempotency";
import { namedRoutes } from "../named-routes";
import { targetIssue } from "../own-host";
import { found } from "../problem";
import { param, route } from "../route";
import { runScheduleShape, scheduleShape } from "../shapes";
import { whyView } from "../views";
import { acceptedAnswer } from "./enqueue";

const settingsRoutes = namedRoutes(
  {
    path: "/v1/schedules/:name",
    name: "Schedule",
    field: "schedules",
    noun: "schedule",
    summaries: { list: "List the schedules with their next runs", get: "One schedule", remove: "Remove a schedule; jobs it has enqueued stay" },
    scope: "read",
    shape: scheduleShape,
    store: (deps) => ({
      list: async (tenant) => scheduleBodies(deps, await deps.schedules.list(tenant)),
      get: async (tenant, name) => {
        const schedule = await deps.schedules.get(tenant, name);
        return schedule && (await scheduleBodies(deps, [schedule]))[0];
      },
      remove: (tenant, name) => deps.schedules.remove(tenant, name),
    }),
    view: (view) => view,
  },
  route("PUT /v1/schedules/:name", {
    name: "putSchedule",
    summary: "Create or replace a schedule",
    description:
      "`misfire` says what happens to missed runs, `overlap` to runs that begin before the last one ended; `spreadSeconds` moves each tenant's runs by up to that time.",
    scope: "admin",
    body: { schema: scheduleInput, limit: smallBody },
    answers: { 200: scheduleShape, 201: scheduleShape },
    problems: [409],
    handle: async ({ deps, tenant, params, body, request }) => {
      refuseWrongPayload(deps, body);
      const issue = targetIssue(body.type, body.payload, { requestUrl: request.url, rules: deps.rules });
      if (issue) throw new Problem("invalid", "The address cannot be called.", { errors: [issue] });
      const unknown = body.type === email.type ? await unknownTemplate(tenant, body.payload, deps.templates) : undefined;
      if (unknown) throw new Problem("invalid", "There is no such template.", { errors: [unknown] });
      const { schedule, created } = await deps.schedules.put(tenant, param({ params }, "name"), body, deps.now());
      return { status: created ? 201 : 200, body: (await scheduleBodies(deps, [schedule]))[0] };
    },
  }),
);

export const scheduleRoutes = [
  ...settingsRoutes,
  route("POST /v1/schedules/:name/run", {
    name: "runSchedule",
    summary: "Enqueue the schedule's job now; its planned times stay",
    description: "`why` says what the job waits for at once, such as its paused site.",
    scope: "operate",
    headers: idempotencyHeaders,
    answers: { 202: runScheduleShape },
    problems: [422, 429, 503],
    handle: async ({ deps, tenant, params, request }) => {
      const schedule = found(await deps.schedules.get(tenant, param({ params }, "name")), "schedule");
      const key = readIdempotencyKey(request.headers);
      const [receipt] = await deps.enqueue([{ tenant, type: schedule.type, payload: schedulePayload(schedule), key }]);
      // The job is accepted: a ledger that does not answer now leaves out the reason, and nothing else.
      const [why] = receipt?.ok ? await deps.reports.holds(tenant, [prospectOf(deps, schedule)]).catch(() => []) : [];
      return acceptedAnswer(receipt, { why: whyView(why) });
    },
  }),
];

/** The schedule's next job. Its site matters to a type that reads shops. */
function prospectOf({ registry }: Pick<IntakeDeps, "registry">, schedule: Schedule): Prospect {
  const contract = registry.find(schedule.type)?.contract;
  const payload = schedulePayload(schedule);
  const siteId = contract?.needs.includes("shops") && typeof payload["siteId"] === "string" ? payload["siteId"] : null;
  const checked = contract && check(contract.senderPayload, payload);
  const queue = contract && checked?.ok ? contract.route(checked.value) : contract?.queues[0];
  return { type: schedule.type, queue: queue ?? "", siteId };
}

/** Validates the payload when the schedule is set; otherwise each planned run would fail. */
function refuseWrongPayload(deps: Pick<IntakeDeps, "registry">, input: ScheduleInput): void {
  const contract = deps.registry.find(input.type)?.contract;
  if (!contract || contract.internal)
    throw new Problem("invalid", "There is no such job type.", { errors: [{ path: "type", message: "must be a type as /v1/types lists them" }] });
  const checked = check(contract.senderPayload, schedulePayload(input));
  if (checked.ok) return;
  const errors = checked.issues.map(({ path, message }) => ({ path: path ? `payload.${path}` : "payload", message }));
  throw new Problem("invalid", wrongInput("The schedule", errors), { errors });
}

/** Schedules of one tenant. */
async function scheduleBodies(deps: Pick<IntakeDeps, "db" | "ids" | "now" | "registry" | "reports">, schedules: readonly Schedule[]) {
  const now = deps.now();
  const [past, holds] = await Promise.all([
    pastRuns(deps.db, schedules, now, ({ tenant, type, name }, at) => deps.ids.own(tenant, type, ownKeyOf({ name }, at))),
    deps.reports.holds(
      schedules[0]?.tenant ?? "",
      schedules.map((schedule) => prospectOf(deps, schedule)),
    ),
  ]);
  const one = async (schedule: Schedule, index: number) => {
    const view = { ...(await scheduleView(schedule, now)), why: whyView(holds[index]) };
    const runs = (past.get(schedule.name) ?? []).map((run) => withIso(run, "plannedAt"));
    return { ...view, payload: mask(deps.registry.find(schedule.type)?.contract.payload, view.payload), pastRuns: runs };
  };
  return Promise.all(schedules.map(one));
}
