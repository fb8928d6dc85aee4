import { sha256Hex } from "../../crypto";
import { syncOrders } from "../../jobs/sync-orders/job";
import { syncProducts } from "../../jobs/sync-products/job";
import { syncSingleOrder } from "../../jobs/sync-single-order/job";
import type { EnqueueRequest } from "../../queue/request";
import type { WebhookSettings } from "../../tenants/site";
import type { IntakeDeps } from "../deps";
import { publicUnauthorized, unavailableProblem } from "../problem";
import { deliveryId, type ShopNotification, parseNotification } from "./notification";
import { type IncomingWebhook, isGenuine, verifyAgainstDummy } from "./signature";

/** A webhook with a valid signature. */
interface Verified {
  webhook: WebhookSettings;
  headers: Headers;
  body: Uint8Array;
}

interface WebhookEndpoint {
  tenant: string;
  site: string;
}

/** Without an event id, webhooks about one order within this time become one job, which runs after it. Seconds. */
const gathered = 2;
/** Editing a catalogue sends dozens of product webhooks: webhooks within this time make one run. Seconds. */
const gatheredProducts = 60;

/** The site's signing settings. Throws the same `unauthorized` for everything that is wrong, and `unavailable` when the tenant cannot be looked up. */
export async function verifyNotification(
  deps: Pick<IntakeDeps, "now" | "snapshots" | "webhookSecret">,
  { tenant, site }: WebhookEndpoint,
  incoming: IncomingWebhook,
): Promise<WebhookSettings> {
  const lookup = await deps.snapshots.read(tenant, deps.now());
  if (lookup.state === "unknown") throw unavailableProblem("The webhook cannot be checked right now.");
  const webhook = lookup.state === "known" ? lookup.snapshot.sections.sites?.[site]?.webhook : undefined;
  const secret = webhook ? await deps.webhookSecret(tenant, site, webhook) : undefined;
  if (!webhook || secret === undefined) await verifyAgainstDummy(incoming);
  else if (await isGenuine(webhook, secret, incoming, deps.now())) return webhook;
  throw publicUnauthorized();
}

/** The job that reads the webhook's row from the shop; undefined for rows that no job reads. */
export async function notificationRequest(
  { tenant, site }: WebhookEndpoint,
  { webhook, headers, body }: Verified,
  now: number,
): Promise<EnqueueRequest | undefined> {
  const { hint, eventId: named } = parseNotification(headers, new TextDecoder().decode(body));
  const job = jobOf(site, hint);
  if (!job) return undefined;
  const eventId = await signedId(webhook, headers, body, named);
  const seconds = hint.about === "order" ? gathered : gatheredProducts;
  if (eventId !== undefined && hint.about === "order")
    return { tenant, ...job, own: ["webhook", site, eventId, String(hint.orderId)], formerKey: `webhook:${site}:${eventId}:${hint.orderId}` };
  // One job at the end of the span covers all webhooks within it.
  const span = Math.floor(now / (seconds * 1000));
  const subject = hint.about === "order" ? `order/${hint.orderId}` : hint.about;
  return { tenant, ...job, own: ["webhook-span", site, subject, String(span)], runAt: (span + 1) * seconds * 1000 };
}

/** A delivery's key, made only of signed parts: a captured delivery that is sent again must be the same job. */
async function signedId(webhook: WebhookSettings, headers: Headers, body: Uint8Array, named: string | undefined): Promise<string | undefined> {
  if (webhook.format === "standard") return deliveryId(headers.get("webhook-id") ?? headers.get("svix-id"));
  if (named !== undefined || webhook.format === "token" || webhook.timestampHeader === undefined) return named;
  // The same bytes at another time are another delivery. Without a signed time they look the same, and the time span below joins them.
  return `${headers.get(webhook.timestampHeader)?.trim()}.${await sha256Hex(body)}`;
}

function jobOf(siteId: string, hint: ShopNotification): Pick<EnqueueRequest, "type" | "payload"> | undefined {
  switch (hint.about) {
    case "order":
      return { type: syncSingleOrder.type, payload: { siteId, orderId: hint.orderId } };
    case "orders":
      return { type: syncOrders.type, payload: { siteId } };
    case "products":
      return { type: syncProducts.type, payload: { siteId, incremental: true, linkVendors: true } };
    case "nothing":
      return undefined;
  }
}
