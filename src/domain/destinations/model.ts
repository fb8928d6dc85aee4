import * as v from "valibot";
import { boundedList, boundedText } from "../../bounded";
import { filterSchema, type Filter } from "./filter";
import { daySeconds } from "../../time/day";

/** Destinations of every tenant, with their default events and the connection that each needs. */
export const builtIn = {
  slack: { events: ["lead.created", "lead.updated", "lead.silence", "offer.submitted"], connection: "slack" },
  email: { events: ["lead.created", "offer.submitted"], connection: "mail" },
  crm: { events: ["lead.created", "lead.updated"], connection: "crm" },
  analysis: { events: ["lead.created", "offer.submitted"], connection: "models" },
  store: { events: ["lead.created", "lead.updated", "lead.answered", "lead.status_changed", "offer.submitted", "property.valuated"], connection: null },
  "follow-up": { events: ["lead.created"], connection: "mail" },
  analytics: { events: ["lead.created"], connection: null },
} as const satisfies Record<string, { events: readonly string[]; connection: string | null }>;

export type BuiltIn = keyof typeof builtIn;

export const builtInNames = Object.keys(builtIn) as BuiltIn[];

/** Delay of the follow-up mail to a lead that has not answered. */
export const followUpAfterSeconds = daySeconds;

export function isBuiltInDestination(name: string): name is BuiltIn {
  return Object.hasOwn(builtIn, name);
}

/** A destination of a tenant: built in, or an address of the tenant. */
export interface Destination {
  name: string;
  enabled: boolean;
  /** Types of events; `*` is every type of the catalogue. */
  events: readonly string[];
  filter: Filter | null;
  delaySeconds: number;
  /** Why it was switched off: the receiver's answer. Null while it is on. */
  retired: string | null;
}

const eventNames = boundedList(boundedText(128, { pattern: /^(\*|[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*)$/, rule: "must be a type of event, or *" }), 50, {
  min: 1,
  rule: "must name 1 to 50 types of event; enabled: false switches the destination off",
});
const url = boundedText(2048);

/** A signing secret: `whsec_` or `v1,whsec_` and 16 to 64 bytes in base64 (Standard Webhooks), or any text, whose bytes are the key. */
export const signingSecret = boundedText(260, {
  pattern: /^(?:(?:v1,)?whsec_[A-Za-z0-9+/]{22,88}={0,2}|(?!(?:v1,)?whsec_)[\x21-\x7e]{16,256})$/,
  rule: "must be whsec_ and 16 to 64 bytes in base64, or 16 to 256 visible characters without spaces",
});

const shared = {
  enabled: v.optional(v.boolean("must be true or false"), true),
  filter: v.optional(filterSchema),
  delaySeconds: v.optional(
    v.pipe(v.number(), v.integer("must be whole seconds"), v.minValue(0, "must not be negative"), v.maxValue(366 * daySeconds, "must be at most 366 days")),
  ),
};

/** The body of `PUT /v1/destinations/{name}` for a built-in one. An omitted field gets its default. */
export const builtInSchema = v.strictObject({ ...shared, events: v.optional(eventNames) });

/** The same for an address of the tenant. */
export const ownSchema = v.strictObject({ ...shared, events: eventNames, url, secret: v.optional(signingSecret) });
