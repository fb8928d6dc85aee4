import { withIso } from "../../time/iso";
import * as v from "valibot";
import { eventTypes, isKnown } from "../../domain/events/catalogue";
import { builtInSchema, isBuiltInDestination, ownSchema } from "../../domain/destinations/model";
import type { DestinationView } from "../../domain/destinations/queries";
import { destinationGate, subscriptionGate } from "../../domain/gates/model";
import { jobEvents, subscriptionSchema, type SubscriptionView } from "../../domain/subscriptions/model";
import { Problem } from "../../errors";
import { isoTime, outputList, outputRecord } from "../../bounded";
import { smallBody } from "../body";
import type { IntakeDeps } from "../deps";
import { namedRoutes } from "../named-routes";
import { param, route } from "../route";

const retired = v.pipe(v.nullable(v.string()), v.description("The receiver's permanent refusal; nothing more is sent there until it is set again"));

export const destinationShape = v.object({
  name: v.string(),
  builtIn: v.boolean(),
  enabled: v.boolean(),
  events: outputList(v.string()),
  filter: v.nullable(outputRecord(v.unknown())),
  delaySeconds: v.number(),
  host: v.pipe(v.nullable(v.string()), v.description("Host of its address, which is never returned")),
  retired,
  retiredAt: v.nullable(isoTime),
  created: v.nullable(isoTime),
  updated: v.nullable(isoTime),
});

export const subscriptionShape = v.object({
  name: v.string(),
  host: v.string(),
  events: outputList(v.string()),
  retired,
  retiredAt: v.nullable(isoTime),
  created: isoTime,
  updated: isoTime,
});

const anyDestination = v.union([ownSchema, builtInSchema]);

const addressRoutes = namedRoutes(
  {
    path: "/v1/destinations/:name",
    name: "Destination",
    field: "destinations",
    noun: "destination",
    summaries: {
      list: "Destinations of events: the built-in ones with the tenant's changes, and the tenant's own addresses",
      get: "One destination",
      remove: "Remove an address, or reset a built-in destination",
    },
    description:
      "Built in are `slack`, `email`, `crm`, `analysis`, `store`, `follow-up` and `analytics`. `retired` says why an address was switched off by its receiver. See docs/events.md.",
    scope: "read",
    shape: destinationShape,
    store: ({ destinations }) => destinations,
    view: destinationBody,
  },
  route("PUT /v1/destinations/:name", {
    name: "putDestination",
    summary: "Switch off, filter or delay a destination, or add an address; address and secret are never returned",
    description: "Takes `enabled`, `filter`, `delaySeconds` and `events`; with `url` and `secret` it adds an address.",
    scope: "admin",
    body: {
      schema: anyDestination,
      schemaFor: (params) => (isBuiltInDestination(param({ params }, "name")) ? builtInSchema : ownSchema),
      limit: smallBody,
      outgoing: true,
    },
    answers: { 200: destinationShape, 201: destinationShape },
    problems: [409],
    handle: async ({ deps, tenant, params, body }) => {
      await refuseStrangers(deps, tenant, body.events ?? [], ["*"]);
      const { destination, created } = await deps.destinations.put(tenant, param({ params }, "name"), body, deps.now());
      if (!destination.builtIn) await deps.gates.changed(tenant, [destinationGate(destination.name)]);
      return { status: created ? 201 : 200, body: destinationBody(destination) };
    },
  }),
);

const subscriptionRoutes = namedRoutes(
  {
    path: "/v1/subscriptions/:name",
    name: "Subscription",
    field: "subscriptions",
    noun: "subscription",
    summaries: { list: "Receivers of events and of jobs that end", get: "One subscription", remove: "Remove a subscription" },
    scope: "read",
    shape: subscriptionShape,
    store: ({ subscriptions }) => subscriptions,
    view: subscriptionBody,
  },
  route("PUT /v1/subscriptions/:name", {
    name: "putSubscription",
    summary: "Receive events, and ends of jobs, at an address; signed by Standard Webhooks",
    description:
      "`events` names types of events, and `job.done`, `job.dead` (dead or discarded) and `job.cancelled`. Delivery is at least once, with the same `webhook-id` on every try.",
    scope: "admin",
    body: { schema: subscriptionSchema, limit: smallBody, outgoing: true },
    answers: { 200: subscriptionShape, 201: subscriptionShape },
    problems: [409],
    handle: async ({ deps, tenant, params, body }) => {
      await refuseStrangers(deps, tenant, body.events, ["*", ...jobEvents]);
      const { subscription, created } = await deps.subscriptions.put(tenant, param({ params }, "name"), body, deps.now());
      await deps.gates.changed(tenant, [subscriptionGate(subscription.name)]);
      return { status: created ? 201 : 200, body: subscriptionBody(subscription) };
    },
  }),
);

export const destinationRoutes = [...addressRoutes, ...subscriptionRoutes];

/** Refuses unknown types, unless the tenant accepts types outside the catalogue: a mistyped type would match no event, without an error. */
async function refuseStrangers(deps: Pick<IntakeDeps, "tenants">, tenant: string, events: readonly string[], others: readonly string[]): Promise<void> {
  const message = `is unknown; there are ${[...eventTypes, ...others].join(", ")}`;
  const errors = events.flatMap((type, index) => (isKnown(type) || others.includes(type) ? [] : [{ path: `events[${index}]`, message }]));
  if (errors.length === 0 || (await deps.tenants.get(tenant))?.settings.events?.unknown === "store") return;
  throw new Problem("invalid", "It names event types that do not exist.", { errors });
}

function destinationBody(destination: DestinationView) {
  return withIso(destination, "retiredAt", "created", "updated");
}

function subscriptionBody(subscription: SubscriptionView) {
  return withIso(subscription, "retiredAt", "created", "updated");
}
