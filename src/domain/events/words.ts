import type { LeadData, OfferData, OrderData, ProductData } from "./catalogue";
import type { Event } from "./event";

/** What people are told of an event in a chat, in Slack's mark-up: one line of what, one line a field that is there. */
export function chatText(event: Pick<Event, "type" | "data">): string {
  const title = titles[event.type] ?? event.type;
  const lines = fieldsOf(event).flatMap(([label, value]) => (value === undefined || value === "" ? [] : [`${label}: ${escaped(value)}`]));
  return [`*${escaped(title)}*`, ...lines].join("\n");
}

/** `& < >` mean something in mark-up; a stranger's text must not make a link or call everybody. */
export function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

const titles: Record<string, string> = {
  "lead.created": "New lead",
  "lead.updated": "Lead updated",
  "lead.silence": "No leads",
  "offer.submitted": "Offer submitted",
  "order.created": "New order",
  "order.status_changed": "Order status changed",
  "product.out_of_stock": "Product out of stock",
};

type Field = [label: string, value: string | undefined];

function fieldsOf({ type, data }: Pick<Event, "type" | "data">): Field[] {
  if (type === "lead.silence") return silenceFields(data);
  if (type.startsWith("offer.")) return offerFields(data as unknown as OfferData);
  if (type.startsWith("lead.")) return leadFields(data as unknown as LeadData);
  if (type.startsWith("order.")) return orderFields(data as unknown as OrderData);
  if (type.startsWith("product.")) return productFields(data as unknown as ProductData);
  return [["Id", shown(data["id"])]];
}

function silenceFields({ project, minutesWithoutLeads, lastLeadAt }: Record<string, unknown>): Field[] {
  return [
    ["Project", shown(project)],
    ["Minutes without a lead", shown(minutesWithoutLeads)],
    ["Last lead", shown(lastLeadAt) ?? "never"],
  ];
}

function leadFields(lead: LeadData): Field[] {
  return [
    ["Name", nameOf(lead)],
    ["E-mail", shown(lead.email)],
    ["Phone", shown(lead.phone)],
    ["Project", shown(lead.project)],
    ["Source", shown(lead.source)],
    ["Place", [lead.city, lead.country].filter(Boolean).join(", ")],
    ["Score", [shown(lead.score), shown(lead.label)].filter(Boolean).join(" · ")],
    ["Message", shown(lead.message)],
    ["Test", lead.test ? "yes" : undefined],
    ["Lead", shown(lead.id)],
  ];
}

function offerFields(offer: OfferData): Field[] {
  return [
    ["Name", nameOf(offer)],
    ["E-mail", shown(offer.email)],
    ["Phone", shown(offer.phone)],
    ["Property", shown(offer.property)],
    ["Amount", [shown(offer.amount), shown(offer.currency)].filter(Boolean).join(" ")],
    ["Message", shown(offer.message)],
    ["Offer", shown(offer.id)],
  ];
}

function orderFields(order: OrderData): Field[] {
  return [
    ["Order", shown(order.reference) ?? shown(order.orderId)],
    ["State", [shown(order.previousStateId), shown(order.stateId)].filter(Boolean).join(" → ")],
    ["Shop", shown(order.siteId)],
  ];
}

function productFields(product: ProductData): Field[] {
  return [
    ["Product", shown(product.name) ?? shown(product.productId)],
    ["Reference", shown(product.reference)],
    ["Quantity", shown(product.quantity)],
    ["Shop", shown(product.siteId)],
  ];
}

/** The name as it was given, or put together. */
export function nameOf({ name, firstName, lastName }: Pick<LeadData, "name" | "firstName" | "lastName">): string {
  return shown(name) ?? [firstName, lastName].filter(Boolean).join(" ");
}

/** One line of at most 300 characters; nothing for what is empty. */
function shown(value: unknown): string | undefined {
  if (typeof value !== "string" && typeof value !== "number") return undefined;
  const line = String(value).replaceAll(/\s+/g, " ").trim();
  if (line === "") return undefined;
  return line.length > 300 ? `${line.slice(0, 299).toWellFormed()}…` : line;
}
