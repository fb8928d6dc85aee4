import { eventTypes, isKnown } from "../../domain/events/catalogue";
import { type Event, eventPayload, eventKey } from "../../domain/events/model";
import { type Issue, problemOfRefusal, wrongInput } from "../../errors";
import { event as eventJob } from "../../jobs/event/job";
import type { EnqueueRequest, Receipt, Refused } from "../../queue/request";
import { canonical } from "../../json/canonical";
import { traceFrom } from "../../trace";
import { check } from "../../queue/validate";
import { batchReport, enqueueValid, lostReceipt } from "../refusals";
import type { IntakeDeps } from "../deps";
import { unavailableProblem } from "../problem";
import type { RouteAnswer } from "../route";
import type { IncomingEvent, IncomingEvents } from "./read";

/** Enqueues events, each under its own id: the same event twice is one job. The answer to a batch is a report, that to a single event its job's id. */
export async function acceptEvents(
  deps: Pick<IntakeDeps, "enqueue" | "now" | "snapshots">,
  tenant: string,
  { mode, events, length }: IncomingEvents,
): Promise<RouteAnswer> {
  const lookup = await deps.snapshots.read(tenant, deps.now());
  if (lookup.state !== "known") throw unavailableProblem("The tenant's settings cannot be read right now.");
  const refuseUnknown = lookup.snapshot.settings.events?.unknown !== "store";
  const requests = await Promise.all(events.map((each) => eventRequest(tenant, each, refuseUnknown)));
  const receipts = await enqueueValid(deps, requests);
  const all = receipts.map((receipt, index) => (receipt === requests[index] ? receipt : readable(receipt, events[index])));
  return mode === "batch" ? report(all, length) : single(all[0], mode);
}

async function eventRequest(tenant: string, incoming: IncomingEvent, refuseUnknown: boolean): Promise<EnqueueRequest | Refused> {
  if (!incoming.ok) return invalidEvent(incoming.issues);
  const checked = check(eventPayload, incoming.input);
  if (!checked.ok) return invalidEvent(checked.issues.map(({ path, message }) => ({ path: incoming.rename(path), message })));
  const payload: Event = checked.value;
  if (refuseUnknown && !isKnown(payload.type))
    return invalidEvent([{ path: incoming.rename("type"), message: `is unknown; there are ${eventTypes.join(", ")}` }]);
  // A sender that repeats an event may give it a new time and trace: they are not part of its content.
  const fingerprintOf = canonical({ type: payload.type, data: payload.data });
  // The event's own trace has precedence over that of the request.
  const trace = traceFrom(wordIn(payload.extensions?.["traceparent"]));
  return { tenant, type: eventJob.type, payload, fingerprintOf, ...(await eventKey(payload)), ...(trace === undefined ? {} : { trace }) };
}

function wordIn(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** Renames the payload's paths in issues to those of the event, as it was sent. */
function readable(receipt: Receipt, incoming: IncomingEvent | undefined): Receipt {
  if (receipt.ok || !incoming?.ok) return receipt;
  if (receipt.code === "idempotency-mismatch") {
    return {
      ...receipt,
      detail: "An event of this id and source was sent before, with another type or other data.",
      errors: [{ path: incoming.rename("id"), message: "belongs to another event" }],
    };
  }
  return { ...receipt, errors: receipt.errors.map(({ path, message }) => ({ path: incoming.rename(path.replace(/^payload\.?/, "")), message })) };
}

/** No body: senders of the binary mode, such as Knative, read a body as a reply event, and fail on JSON that is none. */
function single(receipt: Receipt | undefined, mode: IncomingEvents["mode"]): RouteAnswer {
  if (!receipt?.ok) throw problemOfRefusal(receipt ?? lostReceipt);
  const { id, type, state } = receipt;
  const replayed: Record<string, string> = receipt.replayed ? { "idempotent-replayed": "true" } : {};
  const headers = { location: `/v1/jobs/${id}`, ...replayed };
  return mode === "binary" ? { status: 202, headers } : { status: 202, body: { id, type, state }, headers };
}

function report(all: readonly Receipt[], length: number): RouteAnswer {
  const refused = all.find((each) => !each.ok);
  if (refused && !refused.ok && all.every((each) => !each.ok && (each.code === "too-many-requests" || each.code === "unavailable")))
    throw problemOfRefusal(refused);
  return batchReport(all, length);
}

function invalidEvent(errors: readonly Issue[]): Refused {
  return { ok: false, code: "invalid", detail: wrongInput("The event", errors), errors };
}
