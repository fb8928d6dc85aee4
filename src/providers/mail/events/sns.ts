import { fromBase64 } from "../../../base64";
import { dayMs } from "../../../time/day";
import type { Http } from "../../http";
import { publicKeyOf } from "./certificate";
import { type ReportFields, textIn } from "./fields";

/** Maximum age of a message. SNS retries for hours; the id recognises repeats. */
const maxAgeMs = dayMs;

const host = /^sns\.[a-z0-9-]{1,40}\.amazonaws\.com(?:\.cn)?$/;

/** Fields that are signed, in this order (AWS: Verifying the signatures of Amazon SNS messages). */
const signedFields: Readonly<Record<string, readonly string[]>> = {
  Notification: ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
  SubscriptionConfirmation: ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"],
  UnsubscribeConfirmation: ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"],
};

interface SnsOptions {
  http: Http;
  now: number;
  signal: AbortSignal;
}

/** Certificates by address, which are valid for months. */
const certificates = new Map<string, CryptoKey>();
const maxCertificates = 20;

/**
 * Whether Amazon SNS sent this message, recently. The certificate is fetched over TLS from a host of SNS and from nowhere else.
 * The message does not prove who may publish to the topic: the caller compares `TopicArn`. Never throws.
 */
export async function isFromSns(message: ReportFields, { http, now, signal }: SnsOptions): Promise<boolean> {
  const type = textIn(message, "Type") ?? "";
  const names = Object.hasOwn(signedFields, type) ? signedFields[type] : undefined;
  const hash = textIn(message, "SignatureVersion") === "2" ? "SHA-256" : "SHA-1";
  const signature = signatureFrom(textIn(message, "Signature") ?? "");
  const age = now - Date.parse(textIn(message, "Timestamp") ?? "");
  const certificate = addressOfSns(textIn(message, "SigningCertURL"));
  if (!names || !signature || !certificate || !(Math.abs(age) <= maxAgeMs)) return false;
  const key = await keyAt(certificate, hash, http, signal);
  if (!key) return false;
  const content = names.flatMap((name) => (typeof message[name] === "string" ? [`${name}\n${message[name]}\n`] : [])).join("");
  return crypto.subtle.verify("RSASSA-PKCS1-v1_5", key, signature, new TextEncoder().encode(content));
}

/** The address, when it is one of SNS; `SubscribeURL` and the certificate's are called only then. */
export function addressOfSns(text: string | undefined): URL | undefined {
  const url = URL.parse(text ?? "");
  const good = url?.protocol === "https:" && host.test(url.hostname) && url.port === "" && url.username === "" && url.password === "";
  return good ? url : undefined;
}

async function keyAt(url: URL, hash: "SHA-1" | "SHA-256", http: Http, signal: AbortSignal): Promise<CryptoKey | undefined> {
  const name = `${hash} ${url.href}`;
  const cached = certificates.get(name);
  if (cached) return cached;
  if (!/^\/SimpleNotificationService-[0-9a-f]{1,64}\.pem$/.test(url.pathname) || url.search !== "") return undefined;
  const reply = await http({ url: url.href, signal, timeLimit: 5000, sizeLimit: 20_000, redirects: "answer" });
  const spki = reply.ok && reply.value.status === 200 ? publicKeyOf(reply.value.text()) : undefined;
  if (!spki) return undefined;
  try {
    const key = await crypto.subtle.importKey("spki", spki, { name: "RSASSA-PKCS1-v1_5", hash }, false, ["verify"]);
    if (certificates.size >= maxCertificates) certificates.clear();
    certificates.set(name, key);
    return key;
  } catch {
    // Not an RSA key, so not the certificate of SNS.
    return undefined;
  }
}

function signatureFrom(base64: string): Uint8Array | undefined {
  return base64.length >= 4 && base64.length <= 2000 ? fromBase64(base64) : undefined;
}
