import { fromBase64 } from "../base64";

/**
 * Keys from a secret of the form `id:base64[,id:base64…]`. The first one is active: it signs and encrypts.
 * The others still verify and decrypt until they are removed; after that their signatures and sealed texts are invalid.
 */
export interface KeyRing {
  readonly active: string;
  readonly ids: readonly string[];
  /** HMAC-SHA-256 for one purpose, derived from the key with that id; undefined when the ring has no such key. */
  signing(purpose: string, id?: string): Promise<CryptoKey> | undefined;
  /** AES-256-GCM for one purpose; likewise. */
  encryption(purpose: string, id?: string): Promise<CryptoKey> | undefined;
}

const minBytes = 32;

/** Throws an error that names the variable and what is wrong with it, never its content. */
export function parseKeyRing(variable: string, text: string | undefined): KeyRing {
  const entries = (text ?? "")
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
  if (entries.length === 0) throw invalidKey(variable, "is empty");
  const secrets = new Map<string, Uint8Array<ArrayBuffer>>();
  entries.forEach((entry, index) => {
    const [id, secret] = parseEntry(variable, entry, index + 1);
    if (secrets.has(id)) throw invalidKey(variable, `has two keys with the id "${id}"`);
    secrets.set(id, secret);
  });
  return ringOf([...secrets.keys()], secrets);
}

function parseEntry(variable: string, entry: string, place: number): [string, Uint8Array<ArrayBuffer>] {
  const colon = entry.indexOf(":");
  const id = entry.slice(0, Math.max(colon, 0));
  if (!/^[A-Za-z0-9_-]{1,32}$/.test(id)) throw invalidKey(variable, `has no id of 1 to 32 letters, digits, - or _ in key ${place}`);
  const secret = fromBase64(entry.slice(colon + 1));
  if (!secret) throw invalidKey(variable, `has no valid base64 in key "${id}"`);
  if (secret.length < minBytes) throw invalidKey(variable, `needs at least ${minBytes} bytes in key "${id}" and has ${secret.length}`);
  return [id, secret];
}

function ringOf(ids: readonly string[], secrets: ReadonlyMap<string, Uint8Array<ArrayBuffer>>): KeyRing {
  const active = ids[0] ?? "";
  const derived = new Map<string, Promise<CryptoKey>>();
  const once = (kind: "signing" | "encryption", purpose: string, id: string) => {
    const secret = secrets.get(id);
    if (!secret) return undefined;
    const name = JSON.stringify([kind, purpose, id]);
    const key = derived.get(name) ?? derive(secret, kind, purpose);
    derived.set(name, key);
    return key;
  };
  return {
    active,
    ids,
    signing: (purpose, id = active) => once("signing", purpose, id),
    encryption: (purpose, id = active) => once("encryption", purpose, id),
  };
}

/** HKDF (RFC 5869): one secret gives as many unrelated keys as there are purposes. The secret has at least 16 bytes of randomness. */
export async function derive(secret: Uint8Array<ArrayBuffer>, kind: "signing" | "encryption", purpose: string): Promise<CryptoKey> {
  const base = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveKey"]);
  const info = new TextEncoder().encode(`jobyard ${kind} ${purpose}`);
  const how = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(32), info };
  return kind === "signing"
    ? crypto.subtle.deriveKey(how, base, { name: "HMAC", hash: "SHA-256", length: 256 }, false, ["sign", "verify"])
    : crypto.subtle.deriveKey(how, base, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

function invalidKey(variable: string, what: string): Error {
  return new Error(`${variable} ${what}; it must read "id:base64[,id:base64…]" with ${minBytes} random bytes a key, the active one first`);
}
