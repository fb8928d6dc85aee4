import * as v from "valibot";
import { toHex } from "../../crypto";
import { readEmail } from "../leads/email";
import { boundedList, boundedText, checkedLater } from "../../bounded";

/** `all`: no mail at all. `bulk`: no newsletters; other mail is sent. */
export const suppressionScopes = ["all", "bulk"] as const;
export type SuppressionScope = (typeof suppressionScopes)[number];

/** `rejected`: a provider refuses to send to this address. */
export const reasons = ["bounce", "complaint", "unsubscribe", "rejected", "manual"] as const;
export type SuppressionReason = (typeof reasons)[number];

export interface Suppression {
  /** Null once the person was erased. */
  address: string | null;
  scope: SuppressionScope;
  reason: SuppressionReason;
  /** Milliseconds. */
  since: number;
}

/** A suppression to add. */
export type NewSuppression = Pick<Suppression, "scope" | "reason"> & { address: string };

/** An address in its comparable spelling: lower case, the domain in ASCII, for Gmail without dots and tags. Undefined: it is no address. */
export function comparable(address: string): string | undefined {
  return address.length > 320 ? undefined : readEmail(address)?.key;
}

export const addressSchema = v.pipe(
  boundedText(320),
  v.check((text) => readEmail(text) !== undefined, "must be an address, as ada@example.com"),
  v.transform((text) => readEmail(text)?.address ?? text),
);

const scope = v.optional(v.picklist(suppressionScopes, "must be all or bulk"), "all");
const reason = v.optional(v.picklist(reasons, `must be one of ${reasons.join(", ")}`), "manual");

/** The body of `PUT /v1/suppressions/{address}`. */
export const suppressionSchema = v.strictObject({ scope, reason });

const maxImport = 10_000;

/** One entry of the list: an address, or one with its scope and reason. */
export const importedSchema = v.union([
  v.pipe(
    addressSchema,
    v.transform((address): NewSuppression => ({ address, scope: "all", reason: "manual" })),
  ),
  v.strictObject({ address: addressSchema, scope, reason }),
]);

/** The body of `PUT /v1/suppressions`: a list to add. */
export const importSchema = v.strictObject({
  suppressions: boundedList(checkedLater(importedSchema), maxImport, { min: 1 }),
});

/** HMAC of an address, the same for all its spellings; undefined: it is no address. */
export type HashAddress = (tenant: string, address: string) => Promise<string | undefined>;

/** `key` must never change: a suppression must be found after years. */
export function createHashAddress(key: Promise<CryptoKey>): HashAddress {
  return async (tenant, address) => {
    const plain = comparable(address);
    if (plain === undefined) return undefined;
    const mac = await crypto.subtle.sign("HMAC", await key, new TextEncoder().encode(`${tenant}\n${plain}`));
    return toHex(mac).slice(0, 32);
  };
}

/** The hashes of several addresses as a JSON list, for `json_each`. Invalid addresses are skipped. */
export async function hashList(hash: HashAddress, tenant: string, addresses: readonly string[]): Promise<string> {
  const hashes = await Promise.all(addresses.map((each) => hash(tenant, each)));
  return JSON.stringify(hashes.filter((each) => each !== undefined));
}
