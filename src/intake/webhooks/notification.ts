import { jsonFrom, recordOf } from "../../json/record";

/** The shop's row that a webhook is about. The webhook's content is not stored; a job reads the row from the shop. */
export type ShopNotification = { about: "order"; orderId: number } | { about: "orders" } | { about: "products" } | { about: "nothing" };

interface ParsedNotification {
  hint: ShopNotification;
  /** The delivery's id in the body, which is the same when it is sent again; undefined: the body has none. */
  eventId: string | undefined;
}

type Fields = Record<string, unknown>;

const eventNames = ["event", "type", "topic", "hook", "action", "event_type", "eventType"];
const eventHeaders = ["x-prestashop-event", "x-prestashop-topic", "x-webhook-event", "x-event", "x-topic"];
const eventIds = ["event_id", "eventId", "delivery_id", "webhook_id"];
const orderIds = ["id_order", "orderId", "order_id", "idOrder", "order"];
/** Fields that identify the kind of a row without a type. */
const orderMarks = ["current_state", "total_paid"];
const productMarks = ["id_manufacturer", "id_category_default", "id_tax_rules_group"];
const productIds = ["id_product", "productId", "product_id", "idProduct"];
const ownIds = ["id", "resource_id", "entity_id"];
/** Fields in which modules wrap the entity; they may be nested. */
const wrappers = ["data", "payload", "object", "resource", "params"];

/** Reads the bodies of the shops' modules, which have many shapes. A body without a row is no error. */
export function parseNotification(headers: Headers, text: string): ParsedNotification {
  const body = notificationFields(headers.get("content-type") ?? "", text);
  const levels = [body, ...wrapped(body), ...wrapped(body).flatMap(wrapped)];
  const event = textIn(body, eventNames) ?? eventHeaders.map((name) => headers.get(name)).find((value) => value !== null) ?? "";
  return { hint: hintOf(event.toLowerCase(), levels), eventId: deliveryId(textIn(body, eventIds)) };
}

/** An id that may be part of a key; undefined for anything else. */
export function deliveryId(text: string | null | undefined): string | undefined {
  return text && /^[\x21-\x7e]{1,128}$/.test(text) ? text : undefined;
}

function hintOf(event: string, levels: readonly Fields[]): ShopNotification {
  const order = levels.map((fields) => idIn(fields, orderIds) ?? idIn(recordOf(fields["order"]), ["id", ...orderIds])).find((id) => id !== undefined);
  const isOrder = /order|actionvalidate/.test(event);
  const isProduct = /product|stock|combination/.test(event);
  const own = levels.map((fields) => idIn(fields, ownIds)).findLast((id) => id !== undefined);
  const bare = levels.find((fields) => has(fields, orderMarks) && idIn(fields, ["id"]) !== undefined);
  if (order !== undefined && !isProduct) return { about: "order", orderId: order };
  if (isOrder) return own === undefined ? { about: "orders" } : { about: "order", orderId: own };
  if (bare && !isProduct) return { about: "order", orderId: idIn(bare, ["id"]) ?? 0 };
  const product = levels.some((fields) => idIn(fields, productIds) !== undefined || "product" in fields || has(fields, productMarks));
  return isProduct || product ? { about: "products" } : { about: "nothing" };
}

function wrapped(fields: Fields): Fields[] {
  return wrappers.map((name) => recordOf(fields[name]));
}

function has(fields: Fields, marks: readonly string[]): boolean {
  return marks.some((mark) => mark in fields);
}

function notificationFields(type: string, text: string): Fields {
  if (type.toLowerCase().startsWith("application/x-www-form-urlencoded")) return Object.fromEntries(new URLSearchParams(text));
  // An unreadable body names no row; its headers may still name the event.
  return recordOf(jsonFrom(text));
}

function idIn(fields: Fields, names: readonly string[]): number | undefined {
  const found = names.map((name) => fields[name]).find((value) => typeof value === "number" || typeof value === "string");
  return /^[1-9]\d{0,14}$/.test(String(found)) ? Number(found) : undefined;
}

function textIn(fields: Fields, names: readonly string[]): string | undefined {
  return names.map((name) => fields[name]).find((value): value is string => typeof value === "string" && value !== "");
}
