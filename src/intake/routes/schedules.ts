import { Problem } from "../../errors";
import { unknownTemplate } from "../../domain/mail/known";
import { email } from "../../jobs/email/job";
import { payloadOf, type Schedule, type ScheduleInput, scheduleInput, scheduleView } from "../../domain/schedules/model";
import { mask } from "../../masking/personal";
import { smallBody } from "../body";
import type { IntakeDeps } from "../deps";
import { idempotencyHeaders, readIdempotencyKey } from "../idempotency";
import { ownTarget } from "../own-host";
import { param, route } from "../route";
import { acceptedShape, listShape, scheduleShape } from "../shapes";
import { acceptedAnswer } from "./enqueue";
import { check } from "../../queue/validate";

export const scheduleRoutes = [
  route("GET /v1/schedules", {
    name: "listSchedules",
    summary: "List the schedules with their next runs",
    scope: "read",
    tenant: "own",
    answers: { 200: listShape("schedules", scheduleShape) },
    handle: async ({ deps, tenant }) => {
      const schedules = await deps.schedules.list(tenant);
      return { status: 200, body: { schedules: schedules.map((schedule) => shown(deps, schedule)) } };
    },
  }),
  route("GET /v1/schedules/:name", {
    name: "getSchedule",
    summary: "One schedule",
    scope: "read",
    tenant: "own",
    answers: { 200: scheduleShape },
    handle: async ({ deps, tenant, params }) => {
      const schedule = await deps.schedules.get(tenant, param({ params }, "name"));
      if (!schedule) throw new Problem("not-found", "There is no such schedule.");
      return { status: 200, body: shown(deps, schedule) };
    },
  }),
  route("PUT /v1/schedules/:name", {
    name: "putSchedule",
    summary: "Create or replace a schedule",
    description:
      "`misfire` says what happens to missed runs, `overlap` to runs that begin before the last one ended; `spreadSeconds` moves each tenant's runs by up to that time.",
    scope: "admin",
    tenant: "own",
    body: { schema: scheduleInput, limit: smallBody },
    answers: { 200: scheduleShape, 201: scheduleShape },
    problems: [409],
    handle: async ({ deps, tenant, params, body, request }) => {
      refuseWrongPayload(deps, body);
      const issue = ownTarget(body.type, body.payload, request.url);
      if (issue) throw new Problem("invalid", "The address is this service's own.", { errors: [issue] });
      const unknown = body.type === email.type ? await unknownTemplate(tenant, body.payload, deps.templates) : undefined;
      if (unknown) throw new Problem("invalid", "There is no such template.", { errors: [unknown] });
      const { schedule, created } = await deps.schedules.put(tenant, param({ params }, "name"), body, deps.now());
      return { status: created ? 201 : 200, body: shown(deps, schedule) };
    },
  }),
  route("POST /v1/schedules/:name/run", {
    name: "runSchedule",
    summary: "Enqueue the schedule's job now; its planned times stay",
    scope: "operate",
    tenant: "own",
    headers: idempotencyHeaders,
    answers: { 202: acceptedShape },
    problems: [422, 429, 503],
    handle: async ({ deps, tenant, params, request }) => {
      const schedule = await deps.schedules.get(tenant, param({ params }, "name"));
      if (!schedule) throw new Problem("not-found", "There is no such schedule.");
      const key = readIdempotencyKey(request.headers);
      const [receipt] = await deps.enqueue([{ tenant, type: schedule.type, payload: payloadOf(schedule), key }]);
      return acceptedAnswer(receipt);
    },
  }),
  route("DELETE /v1/schedules/:name", {
    name: "deleteSchedule",
    summary: "Remove a schedule; jobs it has enqueued stay",
    scope: "admin",
    tenant: "own",
    answers: { 204: null },
    handle: async ({ deps, tenant, params }) => {
      const known = await deps.schedules.remove(tenant, param({ params }, "name"));
      if (!known) throw new Problem("not-found", "There is no such schedule.");
      return { status: 204 };
    },
  }),
];

/** Better refused now than by every tick. */
function refuseWrongPayload(deps: IntakeDeps, input: ScheduleInput): void {
  const contract = deps.registry.find(input.type)?.contract;
  if (!contract || contract.internal)
    throw new Problem("invalid", "There is no such type of job.", { errors: [{ path: "type", message: "must be a type as /v1/types lists them" }] });
  const checked = check(contract.senderPayload, payloadOf(input));
  if (checked.ok) return;
  const errors = checked.issues.map(({ path, message }) => ({ path: path ? `payload.${path}` : "payload", message }));
  throw new Problem("invalid", "The payload does not fit its type.", { errors });
}

function shown(deps: IntakeDeps, schedule: Schedule) {
  const view = scheduleView(schedule, deps.now());
  return { ...view, payload: mask(deps.registry.find(schedule.type)?.contract.payload, view.payload) };
}
