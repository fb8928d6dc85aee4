import { fromBase64, toBase64 } from "./base64";
/** Seconds a signature may be old, or ahead. */
export const toleranceSeconds = 300;

/** What Standard Webhooks 1.0.0 puts beside a message. */
export interface SignedHeaders {
  "webhook-id": string;
  "webhook-timestamp": string;
  "webhook-signature": string;
}

/** Why a message is refused; not part of an answer. */
type SignatureRefusal = "no-headers" | "time" | "signature" | "secret";

/**
 * The headers of one delivery: HMAC-SHA-256 over `id.timestamp.body`, one signature a secret. Null without a secret.
 * `now` in milliseconds. Source: the specification of Standard Webhooks 1.0.0.
 */
export async function sign(secrets: string | readonly string[], id: string, body: string, now: number): Promise<SignedHeaders | null> {
  const keys = await Promise.all(secretList(secrets).map((secret) => hmacKey(secret, "sign")));
  if (keys.length === 0) return null;
  const timestamp = String(Math.floor(now / 1000));
  const content = contentOf(id, timestamp, new TextEncoder().encode(body));
  const signatures = await Promise.all(keys.map(async (key) => `v1,${toBase64(new Uint8Array(await crypto.subtle.sign("HMAC", key, content)))}`));
  return { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signatures.join(" ") };
}

/**
 * Whether a message is signed with one of the secrets, by the bytes as they came in. Any v1 signature of the list will do: there are
 * two while a secret is changed. Names of headers may begin with `svix-` as well. Compared in constant time. Never throws.
 */
export async function verify(
  secrets: string | readonly string[],
  headers: Headers,
  body: Uint8Array,
  now: number,
): Promise<{ ok: true; id: string } | { ok: false; reason: SignatureRefusal }> {
  const read = (name: string) => headers.get(`webhook-${name}`) ?? headers.get(`svix-${name}`) ?? "";
  const [id, timestamp, signatures] = [read("id"), read("timestamp"), read("signature")];
  if (id === "" || signatures === "" || !/^\d{1,12}$/.test(timestamp)) return { ok: false, reason: "no-headers" };
  if (Math.abs(Math.floor(now / 1000) - Number(timestamp)) > toleranceSeconds) return { ok: false, reason: "time" };
  const keys = await Promise.all(secretList(secrets).map((secret) => hmacKey(secret, "verify")));
  if (keys.length === 0) return { ok: false, reason: "secret" };
  const content = contentOf(id, timestamp, body);
  const macs = signatures.split(" ").slice(0, maxSignatures).flatMap(macOf);
  for (const key of keys) for (const mac of macs) if (await crypto.subtle.verify("HMAC", key, mac, content)) return { ok: true, id };
  return { ok: false, reason: "signature" };
}

const maxSignatures = 16;

function secretList(secrets: string | readonly string[]): string[] {
  return [secrets].flat().filter((secret) => secret !== "");
}

/**
 * A secret is base64, with or without the prefix `whsec_` or `v1,whsec_`. A secret that is no base64 is taken as the bytes of its text, as most
 * senders outside the standard do.
 */
function hmacKey(secret: string, use: "sign" | "verify"): Promise<CryptoKey> {
  const bytes = bytesOf(secret.replace(/^(?:v1,)?whsec_/, "")) ?? new TextEncoder().encode(secret);
  return crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, [use]);
}

function contentOf(id: string, timestamp: string, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const start = new TextEncoder().encode(`${id}.${timestamp}.`);
  const whole = new Uint8Array(start.length + body.length);
  whole.set(start);
  whole.set(body, start.length);
  return whole;
}

function macOf(entry: string): Uint8Array<ArrayBuffer>[] {
  const mac = entry.startsWith("v1,") ? bytesOf(entry.slice(3)) : undefined;
  return mac?.length === 32 ? [mac] : [];
}

/** Undefined when it is no base64, or empty. */
function bytesOf(text: string): Uint8Array<ArrayBuffer> | undefined {
  return /^[A-Za-z0-9+/]+={0,2}$/.test(text) ? fromBase64(text) : undefined;
}
