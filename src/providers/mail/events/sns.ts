import { fromBase64 } from "../../../base64";
import { dayMs } from "../../../time/day";
import type { Http } from "../../http";
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

/** One element of DER: its tag, where its content begins and where it ends. */
interface Element {
  tag: number;
  start: number;
  end: number;
}

/**
 * The SubjectPublicKeyInfo of an X.509 certificate in PEM, for WebCrypto; undefined for any other text. Verifies neither issuer nor dates: its source is
 * trusted.
 */
function publicKeyOf(pem: string): Uint8Array | undefined {
  const text = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]{1,20000})-----END CERTIFICATE-----/.exec(pem)?.[1];
  const der = fromBase64(text?.replaceAll(/\s/g, "") ?? "");
  if (der === undefined) return undefined;
  try {
    const certificate = elementAt(der, 0);
    const tbs = elementAt(der, certificate.start);
    // version [0]?, serial, algorithm, issuer, validity, subject, then the key.
    let at = tbs.start;
    if (elementAt(der, at).tag === 0xa0) at = elementAt(der, at).end;
    for (let passed = 0; passed < 5; passed++) at = elementAt(der, at).end;
    const key = elementAt(der, at);
    return key.tag === 0x30 && key.end <= tbs.end ? der.slice(at, key.end) : undefined;
  } catch {
    // Not DER.
    return undefined;
  }
}

/** Throws when the element exceeds the bytes. */
function elementAt(der: Uint8Array, at: number): Element {
  const [tag, first] = [der[at], der[at + 1]];
  if (tag === undefined || first === undefined) throw new RangeError("the bytes end within an element");
  const count = first < 0x80 ? 0 : first & 0x7f;
  if (count > 4) throw new RangeError("the length of an element is too long");
  let length = count === 0 ? first : 0;
  for (let index = 0; index < count; index++) length = length * 256 + (der[at + 2 + index] ?? 0);
  const start = at + 2 + count;
  if (start + length > der.byteLength) throw new RangeError("the bytes end within an element");
  return { tag, start, end: start + length };
}
