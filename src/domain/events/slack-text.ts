import type { LeadData, OfferData, OrderData, ProductData, UnreadableRowData } from "./catalogue";
import type { Event } from "./model";

/** A message for Slack: `blocks` for the channel, `text` for notifications and for receivers that know no blocks. */
export interface ChatText {
  text: string;
  blocks: readonly Record<string, unknown>[];
}

/**
 * An event as a chat message: one line for the type, one line for each field that is there. The values are a stranger's: text elements of a
 * rich_text block are shown as they are, without mark-up, links or mentions.
 */
export function chatMessage(event: Pick<Event, "type" | "data">): ChatText {
  const title = titles[event.type] ?? event.type;
  const lines = fieldsOf(event).flatMap(([label, value]) => (value === undefined || value === "" ? [] : [{ label, value }]));
  const elements = [{ type: "text", text: title, style: { bold: true } }, ...lines.map(({ label, value }) => ({ type: "text", text: `\n${label}: ${value}` }))];
  return {
    text: [`*${plain(title)}*`, ...lines.map(({ label, value }) => `${label}: ${plain(value)}`)].join("\n"),
    blocks: [{ type: "rich_text", elements: [{ type: "rich_text_section", elements }] }],
  };
}

/** Characters that look like those of the mark-up and are none. */
const lookAlikes: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", "*": "∗", "~": "∼", "`": "ˋ", _: "ˍ" };

/** A text that is no mark-up where there are no blocks; an underscore inside a word, as of an e-mail address, is none anyway. */
function plain(text: string): string {
  return text
    .replaceAll(/[&<>*~`]|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, (mark) => lookAlikes[mark] ?? mark)
    .replaceAll("://", ":\u200B//")
    .replaceAll(/\bwww\./gi, "$&\u200B");
}

const titles: Record<string, string> = {
  "lead.created": "New lead",
  "lead.updated": "Lead updated",
  "lead.silence": "No leads",
  "offer.submitted": "Offer submitted",
  "order.created": "New order",
  "order.status_changed": "Order status changed",
  "product.out_of_stock": "Product out of stock",
  "shop.row_unreadable": "Row of a shop cannot be read",
};

type Field = [label: string, value: string | undefined];

function fieldsOf({ type, data }: Pick<Event, "type" | "data">): Field[] {
  if (type === "lead.silence") return silenceFields(data);
  if (type.startsWith("offer.")) return offerFields(data as unknown as OfferData);
  if (type.startsWith("lead.")) return leadFields(data as unknown as LeadData);
  if (type.startsWith("order.")) return orderFields(data as unknown as OrderData);
  if (type.startsWith("product.")) return productFields(data as unknown as ProductData);
  if (type === "shop.row_unreadable") return rowFields(data as unknown as UnreadableRowData);
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
    ["Name", personName(lead)],
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
    ["Name", personName(offer)],
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

function rowFields(row: UnreadableRowData): Field[] {
  return [
    ["Row", `${row.resource} ${row.rowId}`],
    ["Reason", shown(row.reason)],
    ["Shop", shown(row.siteId)],
  ];
}

/** The name as it was given, or put together. */
export function personName({ name, firstName, lastName }: Pick<LeadData, "name" | "firstName" | "lastName">): string {
  return shown(name) ?? [firstName, lastName].filter(Boolean).join(" ");
}

/** One line of at most 300 characters; nothing for what is empty. */
function shown(value: unknown): string | undefined {
  if (typeof value !== "string" && typeof value !== "number") return undefined;
  const line = String(value).replaceAll(/\s+/g, " ").trim();
  if (line === "") return undefined;
  return line.length > 300 ? `${line.slice(0, 299).toWellFormed()}…` : line;
}
