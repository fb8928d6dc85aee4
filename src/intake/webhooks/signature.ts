import { fromBase64 } from "../../base64";
import { equalSecrets } from "../../crypto";
import type { WebhookSettings } from "../../tenants/site";

/** A webhook as received, before its signature is verified. */
export interface IncomingWebhook {
  headers: Headers;
  /** The body's bytes as they were sent. */
  body: Uint8Array;
  /** `?token=` of the address. */
  token: string | null;
}

/** Maximum difference between a message's time and the Worker's. Seconds. */
const defaultToleranceSeconds = 300;

/** Whether the signature is valid and, where a time is signed, recent. Every refusal takes equally long. Never throws. */
export async function isGenuine(settings: WebhookSettings, secret: string, incoming: IncomingWebhook, now: number): Promise<boolean> {
  if (settings.format === "standard") return isStandard(secret, incoming, settings.toleranceSeconds ?? defaultToleranceSeconds, now);
  const header = incoming.headers.get(settings.header)?.trim() ?? "";
  if (settings.format === "token") return equalSecrets(header || (incoming.token ?? ""), secret);
  const time = settings.timestampHeader === undefined ? undefined : (incoming.headers.get(settings.timestampHeader)?.trim() ?? "");
  const content = time === undefined ? incoming.body : joined(`${time}.`, incoming.body);
  const signature = signatureBytes(withoutPrefix(header, settings.prefix), settings.format);
  const signed = await verifyMac(encode(secret), signature, content);
  return signed && (time === undefined || isRecent(time, settings.toleranceSeconds ?? defaultToleranceSeconds, now));
}

/** Does the same work for an unknown site, so that the time of the refusal does not reveal that the site is unknown. */
export async function verifyAgainstDummy(incoming: IncomingWebhook): Promise<void> {
  await verifyMac(encode("no such site"), new Uint8Array(32), incoming.body);
}

/** `webhook-id`, `webhook-timestamp`, `webhook-signature: v1,BASE64 …`, signed content `id.timestamp.body`; Svix names them `svix-*`. */
async function isStandard(secret: string, { headers, body }: IncomingWebhook, toleranceSeconds: number, now: number): Promise<boolean> {
  const header = (name: string) => headers.get(`webhook-${name}`) ?? headers.get(`svix-${name}`) ?? "";
  const [id, time] = [header("id"), header("timestamp")];
  // A secret that is not base64 is used as text.
  const key = bytesOfBase64(secret.replace(/^(?:v1,)?whsec_/, "")) ?? encode(secret);
  const content = joined(`${id}.${time}.`, body);
  const signatures = header("signature")
    .split(" ")
    .slice(0, 10)
    .filter((each) => each.startsWith("v1,"));
  const verdicts = await Promise.all(signatures.map((each) => verifyMac(key, bytesOfBase64(each.slice(3)), content)));
  return id !== "" && verdicts.includes(true) && isRecent(time, toleranceSeconds, now);
}

function isRecent(time: string, toleranceSeconds: number, now: number): boolean {
  return /^\d{9,11}$/.test(time) && Math.abs(now / 1000 - Number(time)) <= toleranceSeconds;
}

function withoutPrefix(text: string, prefix: string | undefined): string {
  // Blanks after the prefix are ignored: some modules write `sha256= …`.
  if (prefix === undefined) return text.replace(/^sha256=\s*/i, "");
  const start = prefix.trim();
  return text.startsWith(start) ? text.slice(start.length).trim() : "";
}

function signatureBytes(text: string, format: "hex" | "base64"): Uint8Array | undefined {
  if (format === "base64") return bytesOfBase64(text);
  return /^(?:[0-9a-f]{2})+$/i.test(text) ? Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16)) : undefined;
}

/** In either alphabet. Blanks are ignored; padding is complete or absent. */
function bytesOfBase64(text: string): Uint8Array | undefined {
  const plain = text.replaceAll(/\s/g, "");
  return plain.includes("=") && plain.length % 4 !== 0 ? undefined : fromBase64(plain);
}

/** Compares by the platform, in constant time. An unreadable signature is compared too. */
async function verifyMac(key: Uint8Array, signature: Uint8Array | undefined, content: Uint8Array): Promise<boolean> {
  if (key.byteLength === 0) return false;
  const imported = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
  const same = await crypto.subtle.verify("HMAC", imported, signature ?? new Uint8Array(32), content);
  return same && signature !== undefined;
}

function joined(head: string, body: Uint8Array): Uint8Array {
  const first = encode(head);
  const whole = new Uint8Array(first.byteLength + body.byteLength);
  whole.set(first);
  whole.set(body, first.byteLength);
  return whole;
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
