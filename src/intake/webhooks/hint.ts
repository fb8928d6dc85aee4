/** What a webhook tells us to look at. Its content is never stored: the shop is asked. */
export type Hint = { about: "order"; orderId: number } | { about: "orders" } | { about: "products" } | { about: "nothing" };

export interface ReadHint {
  hint: Hint;
  /** Names this delivery among others, the same when it is sent again; undefined when the module gives none. */
  eventId: string | undefined;
}

type Fields = Record<string, unknown>;

const eventNames = ["event", "type", "topic", "hook", "action", "event_type", "eventType"];
const eventHeaders = ["x-prestashop-event", "x-prestashop-topic", "x-webhook-event", "x-event", "x-topic"];
const eventIds = ["event_id", "eventId", "delivery_id", "webhook_id"];
const orderIds = ["id_order", "orderId", "order_id", "idOrder"];
const productIds = ["id_product", "productId", "product_id", "idProduct"];
/** Where modules put the entity. */
const wrappers = ["data", "payload", "object", "resource", "params"];

/** Reads what modules send in their many shapes; what says nothing is a hint about nothing, never an error. */
export function readHint(headers: Headers, text: string): ReadHint {
  const body = fieldsOf(headers.get("content-type") ?? "", text);
  const levels = [body, ...wrappers.map((name) => objectOf(body[name]))];
  const event = textIn(body, eventNames) ?? eventHeaders.map((name) => headers.get(name)).find((value) => value !== null) ?? "";
  const eventId = headers.get("webhook-id") ?? headers.get("svix-id") ?? headers.get("x-webhook-id") ?? textIn(body, eventIds);
  return { hint: hintOf(event.toLowerCase(), levels), eventId: eventId && /^[\x21-\x7e]{1,128}$/.test(eventId) ? eventId : undefined };
}

function hintOf(event: string, levels: readonly Fields[]): Hint {
  const order = levels.map((fields) => idIn(fields, orderIds) ?? idIn(objectOf(fields["order"]), ["id", ...orderIds])).find((id) => id !== undefined);
  const isOrder = /order|actionvalidate/.test(event);
  const isProduct = /product|stock|combination/.test(event);
  const own = levels.map((fields) => idIn(fields, ["id", "resource_id", "entity_id"])).findLast((id) => id !== undefined);
  if (order !== undefined && !isProduct) return { about: "order", orderId: order };
  if (isOrder) return own === undefined ? { about: "orders" } : { about: "order", orderId: own };
  const product = levels.some((fields) => idIn(fields, productIds) !== undefined || "product" in fields);
  return isProduct || product ? { about: "products" } : { about: "nothing" };
}

function fieldsOf(type: string, text: string): Fields {
  if (type.toLowerCase().startsWith("application/x-www-form-urlencoded")) return Object.fromEntries(new URLSearchParams(text));
  try {
    return objectOf(JSON.parse(text));
  } catch {
    // A body that cannot be read hints at nothing by itself; its headers may still name the event.
    return {};
  }
}

function idIn(fields: Fields, names: readonly string[]): number | undefined {
  const found = names.map((name) => fields[name]).find((value) => typeof value === "number" || typeof value === "string");
  return /^[1-9]\d{0,14}$/.test(String(found)) ? Number(found) : undefined;
}

function textIn(fields: Fields, names: readonly string[]): string | undefined {
  return names.map((name) => fields[name]).find((value): value is string => typeof value === "string" && value !== "");
}

function objectOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}
