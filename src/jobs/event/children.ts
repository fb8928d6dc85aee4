import * as v from "valibot";
import { leadAnalysis } from "../../domain/agents/lead-analysis";
import { entitiesOf, type LeadData, type OfferData } from "../../domain/events/catalogue";
import type { BuiltIn } from "../../domain/destinations/model";
import type { Event } from "../../domain/events/model";
import type { PlannedDelivery } from "../../domain/events/plan";
import { sourceName } from "../../domain/leads/analytics-point";
import { visible } from "../../domain/leads/visible";
import { chatMessage, personName } from "../../domain/events/slack-text";
import type { Contract } from "../../queue/job";
import { agent } from "../agent/job";
import { analytics } from "../analytics/job";
import { crm } from "../crm/job";
import { email } from "../email/job";
import { followUp } from "../follow-up/job";
import { slack } from "../slack/job";
import { storeEvent } from "../store-event/job";
import { webhook } from "../webhook/job";

/** An event with the data of its job. */
export interface ReceivedEvent {
  event: Event;
  /** Milliseconds; when it happened. */
  at: number;
  /** Unique among the tenant's events. */
  key: string;
}

type Child = { contract: Contract; payload: unknown } | { skipped: string };

// The job of one destination. Data that does not fit its type skips that destination only.
export function childOf(planned: Exclude<PlannedDelivery, { kind: "skipped" }>, received: ReceivedEvent): Child {
  if (planned.kind === "destination") return delivery({ destination: planned.name }, received);
  if (planned.kind === "subscription") return delivery({ subscription: planned.name.slice("subscription:".length) }, received);
  const child = makers[planned.name as BuiltIn](received);
  if ("skipped" in child) return child;
  const checked = v.safeParse(child.contract.payload, child.payload);
  const field = checked.success ? undefined : (checked.issues[0].path ?? []).map(({ key }) => String(key)).join(".");
  return checked.success ? child : { skipped: `the event's data do not make a job of type ${child.contract.type}: ${field || "payload"} is not as it must be` };
}

const makers: Record<BuiltIn, (received: ReceivedEvent) => Child> = {
  slack: ({ event }) => ({ contract: slack, payload: { ...chatMessage(event), about: entitiesOf(event) } }),
  email: ({ event }) => {
    const { email: to } = personOf(event);
    if (!to) return { skipped: "the event has no e-mail address" };
    const templateId = event.type.startsWith("offer.") ? "offer" : "welcome";
    return { contract: email, payload: { to, templateId, variables: event.data, about: entitiesOf(event) } };
  },
  crm: ({ event, at, key }) => {
    const person = personOf(event);
    const [entity] = entitiesOf(event);
    if (!person.email) return { skipped: "the event has no e-mail address" };
    return { contract: crm, payload: { email: person.email, properties: propertiesOf(person), order: { entity, at, event: key }, about: entitiesOf(event) } };
  },
  analysis: ({ event }) => {
    const subject = (["lead", "offer"] as const).find((kind) => event.type.startsWith(`${kind}.`));
    if (!subject) return { skipped: "only leads and offers are judged" };
    return { contract: agent, payload: { agentType: leadAnalysis.type, input: { subject, data: event.data }, about: entitiesOf(event) } };
  },
  store: ({ event, at, key }) => {
    // An event without entities is found by its own id.
    const [entity = `event:${event.id}`] = entitiesOf(event);
    return { contract: storeEvent, payload: { entity, event: key, type: event.type, at, data: event.data, about: entitiesOf(event) } };
  },
  "follow-up": ({ event, at }) => {
    const [entity] = entitiesOf(event);
    const { email: to, answered } = personOf(event);
    if (answered) return { skipped: "the lead has answered already" };
    if (!to) return { skipped: "the event has no e-mail address" };
    return { contract: followUp, payload: { entity, since: at, to, variables: event.data } };
  },
  analytics: ({ event, at }) => {
    const { project, source, label } = event.data as Partial<LeadData>;
    const labels = Object.entries({ project, source, label }).filter((entry): entry is [string, string] => typeof entry[1] === "string" && entry[1] !== "");
    // A form may send any text as its source.
    const bounded = labels.map(([name, value]) => [name, name === "source" ? (sourceName(value) ?? "other") : value.slice(0, 200).toWellFormed()]);
    const dimensions: unknown = Object.fromEntries(bounded);
    return { contract: analytics, payload: { event: event.type, at: new Date(at).toISOString(), dimensions, about: entitiesOf(event) } };
  },
};

function delivery(target: { destination: string } | { subscription: string }, { event, at }: ReceivedEvent): Child {
  const { id, type, source, subject, data, extensions, hops = 0 } = event;
  const body = { id, type, timestamp: new Date(at).toISOString(), source, subject, data, extensions };
  return { contract: webhook, payload: { ...target, body, about: entitiesOf(event), hops: hops + 1 } };
}

// Copied values may contain invisible characters: an address with a zero-width space would be another contact.
function personOf({ data }: Event): Partial<LeadData> & Partial<OfferData> {
  const { email: to, phone } = data;
  const cleaned = { ...(typeof to === "string" ? { email: visible(to) } : {}), ...(typeof phone === "string" ? { phone: visible(phone) } : {}) };
  return { ...data, ...cleaned } as Partial<LeadData> & Partial<OfferData>;
}

// Properties that every CRM account has: an unknown property makes the CRM refuse the whole contact.
function propertiesOf(person: Partial<LeadData>): Record<string, string> {
  const [first = "", ...rest] = personName({ name: person.name, firstName: person.firstName, lastName: person.lastName }).split(" ");
  const { firstName, lastName, phone, company, city, country } = person;
  const all = { firstname: firstName ?? first, lastname: lastName ?? rest.join(" "), phone, company, city, country };
  return Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => typeof entry[1] === "string" && entry[1] !== ""));
}
