import { iso } from "../../time/iso";
import * as v from "valibot";
import { catalogue, eventTypes } from "../../domain/events/catalogue";
import { signingSecret } from "../../domain/destinations/model";
import { entityKey } from "../../domain/events/entity";
import { verifySignature } from "../../domain/events/inbound-secret";
import { factsOf, stateOf } from "../../domain/events/queries";
import { randomBase64 } from "../../crypto";
import { Problem } from "../../errors";
import { isoTime, outputList, outputRecord } from "../../bounded";
import { largeBody, readBytes, smallBody } from "../body";
import type { IntakeDeps } from "../deps";
import { acceptEvents } from "../events/accept";
import { isBatch, readEvents } from "../events/read";
import { toSchema } from "../json-schema";
import { unavailableProblem } from "../problem";
import { param, route } from "../route";
import { acceptedShape, batchShape } from "../shapes";
import { daySeconds } from "../../time/day";

const modes = "{id, type, data, timestamp}, or CloudEvents 1.0 in structured, binary or batch mode";
const accepted = v.union([acceptedShape, batchShape]);

/** Describes the body. The handler reads it, because the headers decide the mode and the signature covers the bytes. */
const eventBody = v.pipe(
  v.looseObject({ id: v.string(), type: v.string(), timestamp: v.optional(v.string()), data: v.optional(outputRecord(v.unknown())) }),
  v.description(modes),
);
const body = {
  schema: eventBody,
  limit: smallBody,
  media: ["application/json", "application/cloudevents+json", "application/cloudevents-batch+json"],
  readByHandler: true as const,
};

const eventSecret = v.strictObject({
  secret: v.optional(signingSecret),
  overlapSeconds: v.pipe(
    v.optional(
      v.pipe(
        v.number("must be a number"),
        v.integer("must be whole seconds"),
        v.minValue(0, "must not be negative"),
        v.maxValue(7 * daySeconds, "must be at most 7 days"),
      ),
      0,
    ),
    v.description("How long the earlier secret stays valid"),
  ),
});

export const eventRoutes = [
  route("POST /v1/events", {
    name: "sendEvent",
    summary: `Send an event: ${modes}`,
    description:
      'The same id twice does nothing twice. A type outside the catalogue is 422, or only stored when the setting `events: {unknown: "store"}` says so. See docs/events.md.',
    scope: "enqueue",
    body,
    answers: { 202: accepted },
    emptyWhen: "in binary mode, where `Location` names the job",
    problems: [429, 503],
    crossOrigin: handshake,
    handle: async ({ deps, tenant, request }) => {
      const bytes = await readBytes(request, isBatch(request.headers) ? largeBody : smallBody);
      return acceptEvents(deps, tenant, readEvents(request.headers, bytes));
    },
  }),
  route("POST /v1/events/:tenant", {
    name: "sendSignedEvent",
    summary: "Send an event, signed by Standard Webhooks with the tenant's secret",
    scope: "public",
    tenant: "none",
    headers: {
      "webhook-id": "The id of the message; of the event too, when that has none",
      "webhook-timestamp": "Seconds since 1970; at most 5 minutes from now",
      "webhook-signature": "v1,<base64> of HMAC-SHA-256 over id.timestamp.body",
    },
    body,
    answers: { 202: accepted },
    emptyWhen: "in binary mode, where `Location` names the job",
    problems: [401, 429, 503],
    crossOrigin: handshake,
    handle: async ({ deps, params, request }) => {
      const tenant = param({ params }, "tenant");
      const { bytes, id } = await readSigned(deps, tenant, request);
      return acceptEvents(deps, tenant, readEvents(request.headers, bytes, { id }));
    },
  }),
  route("GET /v1/events", {
    name: "listFacts",
    summary: "Events about one entity in the order in which they happened, and its newest state",
    description: "`entity=lead:4711` names the entity.",
    scope: "leads",
    query: v.strictObject({ entity: v.pipe(entityKey, v.description("lead:4711")) }),
    answers: {
      200: v.object({
        events: outputList(v.object({ id: v.string(), type: v.string(), timestamp: isoTime, data: outputRecord(v.unknown()) })),
        state: outputRecord(v.unknown()),
      }),
    },
    handle: async ({ deps, tenant, query }) => {
      const [facts, { data }] = await Promise.all([factsOf(deps.db, tenant, query.entity), stateOf(deps.db, tenant, query.entity)]);
      return { status: 200, body: { events: facts.map(({ event: id, type, at, data }) => ({ id, type, timestamp: iso(at), data })), state: data } };
    },
  }),
  route("GET /v1/event-types", {
    name: "listEventTypes",
    summary: "The catalogue: types of events and the schemas of their data",
    scope: "read",
    answers: { 200: v.object({ types: outputList(v.object({ type: v.string(), data: outputRecord(v.unknown()) })) }) },
    handle: async () => ({ status: 200, body: { types: eventTypes.map((type) => ({ type, data: toSchema(catalogue[type].data) })) } }),
  }),
  route("PUT /v1/event-secret", {
    name: "putEventSecret",
    summary: "Set the secret that signs events without a token; without `secret` one is made and shown once",
    description: "With `overlapSeconds` the old secret stays valid for that time.",
    scope: "admin",
    body: { schema: eventSecret, limit: smallBody },
    answers: { 200: v.object({ secret: v.optional(v.string()) }) },
    handle: async ({ deps, tenant, body: { secret, overlapSeconds } }) => {
      const used = secret ?? `whsec_${randomBase64(32)}`;
      await deps.inboundSecrets.put(tenant, used, deps.now(), overlapSeconds * 1000);
      return { status: 200, body: secret === undefined ? { secret: used } : {} };
    },
  }),
  route("DELETE /v1/event-secret", {
    name: "removeEventSecret",
    summary: "Accept no more events without a token",
    scope: "admin",
    answers: { 204: null },
    handle: async ({ deps, tenant }) => {
      await deps.inboundSecrets.remove(tenant);
      return { status: 204 };
    },
  }),
];

/** An unknown tenant, a missing secret, a wrong and an old signature get the same answer. */
async function readSigned(deps: IntakeDeps, tenant: string, request: Request): Promise<{ bytes: Uint8Array; id: string }> {
  if (!request.headers.has("webhook-signature") && !request.headers.has("svix-signature")) throw refusedSignature();
  const bytes = await readBytes(request, smallBody);
  const check = await verifySignature(deps, tenant, request.headers, bytes, deps.now());
  if (check.state === "verified") return { bytes, id: check.id };
  throw check.state === "unknown" ? unavailableProblem("The signature cannot be checked right now.") : refusedSignature();
}

function refusedSignature(): Problem {
  return new Problem("unauthorized", "Sign the body by Standard Webhooks with the tenant's secret: webhook-id, webhook-timestamp, webhook-signature.");
}

/** The handshake of CloudEvents' webhooks. Every caller may ask: token or signature authenticate the sender later. */
async function handshake(_deps: IntakeDeps, request: Request): Promise<Record<string, string>> {
  const origin = request.method === "OPTIONS" ? request.headers.get("webhook-request-origin") : null;
  return origin === null ? {} : { "webhook-allowed-origin": origin, "webhook-allowed-rate": "*" };
}
