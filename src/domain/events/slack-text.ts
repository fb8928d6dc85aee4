import type { LeadData, OfferData, OrderData, ProductData, UnreadableRowData } from "./catalogue";
import type { Event } from "./model";

/** A message for Slack: `blocks` for the channel, `text` for notifications and receivers without blocks. */
interface ChatText {
  text: string;
  blocks: readonly Record<string, unknown>[];
}

/**
 * An event as a chat message: a line for the type, and a line for each field that is present. The values come from strangers: text elements of
 * a rich_text block are shown as they are, without mark-up, links or mentions.
 */
export function chatMessage(event: Pick<Event, "type" | "data">): ChatText {
  const title = titles[event.type] ?? event.type;
  const lines = slackFields(event).flatMap(([label, value]) => (value === undefined || value === "" ? [] : [{ label, value }]));
  const elements = [{ type: "text", text: title, style: { bold: true } }, ...lines.map(({ label, value }) => ({ type: "text", text: `\n${label}: ${value}` }))];
  return {
    text: [`*${plain(title)}*`, ...lines.map(({ label, value }) => `${label}: ${plain(value)}`)].join("\n"),
    blocks: [{ type: "rich_text", elements: [{ type: "rich_text_section", elements }] }],
  };
}

/** Replacements for characters of the mark-up. */
const lookAlikes: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", "*": "∗", "~": "∼", "`": "ˋ", _: "ˍ" };

/** The text without mark-up, for receivers without blocks. An underscore inside a word, as in an address, is no mark-up. */
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

function slackFields({ type, data }: Pick<Event, "type" | "data">): Field[] {
  if (type === "lead.silence") return silenceFields(data);
  if (type.startsWith("offer.")) return offerFields(data as unknown as OfferData);
  if (type.startsWith("lead.")) return leadFields(data as unknown as LeadData);
  if (type.startsWith("order.")) return orderFields(data as unknown as OrderData);
  if (type.startsWith("product.")) return productFields(data as unknown as ProductData);
  if (type === "shop.row_unreadable") return rowFields(data as unknown as UnreadableRowData);
  return [["Id", slackValue(data["id"])]];
}

function silenceFields({ project, minutesWithoutLeads, lastLeadAt }: Record<string, unknown>): Field[] {
  return [
    ["Project", slackValue(project)],
    ["Minutes without a lead", slackValue(minutesWithoutLeads)],
    ["Last lead", slackValue(lastLeadAt) ?? "never"],
  ];
}

function leadFields(lead: LeadData): Field[] {
  return [
    ["Name", personName(lead)],
    ["E-mail", slackValue(lead.email)],
    ["Phone", slackValue(lead.phone)],
    ["Project", slackValue(lead.project)],
    ["Source", slackValue(lead.source)],
    ["Place", [lead.city, lead.country].filter(Boolean).join(", ")],
    ["Score", [slackValue(lead.score), slackValue(lead.label)].filter(Boolean).join(" · ")],
    ["Message", slackValue(lead.message)],
    ["Test", lead.test ? "yes" : undefined],
    ["Lead", slackValue(lead.id)],
  ];
}

function offerFields(offer: OfferData): Field[] {
  return [
    ["Name", personName(offer)],
    ["E-mail", slackValue(offer.email)],
    ["Phone", slackValue(offer.phone)],
    ["Property", slackValue(offer.property)],
    ["Amount", [slackValue(offer.amount), slackValue(offer.currency)].filter(Boolean).join(" ")],
    ["Message", slackValue(offer.message)],
    ["Offer", slackValue(offer.id)],
  ];
}

function orderFields(order: OrderData): Field[] {
  return [
    ["Order", slackValue(order.reference) ?? slackValue(order.orderId)],
    ["State", [slackValue(order.previousStateId), slackValue(order.stateId)].filter(Boolean).join(" → ")],
    ["Shop", slackValue(order.siteId)],
  ];
}

function productFields(product: ProductData): Field[] {
  return [
    ["Product", slackValue(product.name) ?? slackValue(product.productId)],
    ["Reference", slackValue(product.reference)],
    ["Quantity", slackValue(product.quantity)],
    ["Shop", slackValue(product.siteId)],
  ];
}

function rowFields(row: UnreadableRowData): Field[] {
  return [
    ["Row", `${row.resource} ${row.rowId}`],
    ["Reason", slackValue(row.reason)],
    ["Shop", slackValue(row.siteId)],
  ];
}

/** The name as given, else first and last name. */
export function personName({ name, firstName, lastName }: Pick<LeadData, "name" | "firstName" | "lastName">): string {
  return slackValue(name) ?? [firstName, lastName].filter(Boolean).join(" ");
}

/** One line of at most 300 characters; undefined for an empty value. */
function slackValue(value: unknown): string | undefined {
  if (typeof value !== "string" && typeof value !== "number") return undefined;
  const line = String(value).replaceAll(/\s+/g, " ").trim();
  if (line === "") return undefined;
  return line.length > 300 ? `${line.slice(0, 299).toWellFormed()}…` : line;
}
