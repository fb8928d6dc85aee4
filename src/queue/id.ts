import { base32Digits, equalTexts, sha256Base32, toBase32 } from "../crypto";

/**
 * Job ids. 34 characters of Crockford base32, lower case:
 * - made: 10 of time (48 bits, milliseconds), 16 random (80 bits), 8 MAC (40 bits). Sorted by id they are sorted by time.
 * - derived: `k`, 25 of SHA-256 over what they derive from (125 bits), 8 MAC. The same input is the same id, whatever the time.
 * Time does not reach `k` as its first character before the year 10889, so the two kinds never mix in a range of ids.
 *
 * The MAC binds the id to its tenant: an id that the ledger does not have yet differs from one that never was,
 * and another tenant's id from one's own. It is a mark, not a secret, and its key never rotates:
 * a rotated key would turn the same idempotency key into another job.
 */

const encoder = new TextEncoder();

const bodyLength = 26;
const macLength = 8;
const pattern = /^[0-9a-hjkmnp-tv-z]{34}$/;

export interface Ids {
  /** A fresh id. `at` in milliseconds is its place in every time-ordered list. */
  make(tenant: string, at: number): Promise<string>;
  /** The id that follows from `parts`; the same parts give the same id for ever. */
  derive(tenant: string, parts: readonly string[]): Promise<string>;
  /** Whether this id was issued to this tenant by this installation. */
  belongs(tenant: string, id: string): Promise<boolean>;
}

/** `secret` is ID_SECRET: at least 16 characters, the same for the life of the installation. */
export function createIds(secret: string, random: () => Uint8Array = () => crypto.getRandomValues(new Uint8Array(10))): Ids {
  if (secret.length < 16) throw new Error("ID_SECRET must have at least 16 characters");
  const key = lazy(() => crypto.subtle.importKey("raw", encode(`jobyard id ${secret}`), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]));
  const mac = async (tenant: string, body: string) =>
    toBase32(new Uint8Array(await crypto.subtle.sign("HMAC", await key(), encode(`${tenant}\n${body}`))), macLength);
  const seal = async (tenant: string, body: string) => body + (await mac(tenant, body));
  return {
    make: (tenant, at) => seal(tenant, timePart(at) + toBase32(random(), 16)),
    derive: async (tenant, parts) => seal(tenant, `k${(await sha256Base32(JSON.stringify([tenant, ...parts]))).slice(0, bodyLength - 1)}`),
    belongs: async (tenant, id) => pattern.test(id) && equalTexts(await mac(tenant, id.slice(0, bodyLength)), id.slice(bodyLength)),
  };
}

/** The first ten characters of every id made in this millisecond. */
export function timePart(at: number): string {
  let rest = Math.max(0, Math.floor(at));
  let text = "";
  for (let place = 0; place < 10; place++) {
    text = base32Digits[rest % 32] + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}

/** When a made id was made; undefined for a derived one. */
export function timeOf(id: string): number | undefined {
  if (isDerived(id)) return undefined;
  return [...id.slice(0, 10)].reduce((sum, char) => sum * 32 + base32Digits.indexOf(char), 0);
}

export function isDerived(id: string): boolean {
  return id.startsWith("k");
}

/** Where a derived id stands among the made ones: its time, then characters of its own. Same length as a made id. */
export function slotOf(id: string, at: number): string {
  return timePart(at) + id.slice(1, 25);
}

function encode(text: string): Uint8Array {
  return encoder.encode(text);
}

function lazy<T>(make: () => T): () => T {
  let value: T | undefined;
  return () => (value ??= make());
}
