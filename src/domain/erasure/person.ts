import { parsePhoneNumberFromString } from "libphonenumber-js/min";
import { readEmail } from "../leads/email";
import { readPhone } from "../leads/phone";

/** The person to erase: exactly one of the two. */
export interface Person {
  email?: string | undefined;
  phone?: string | undefined;
}

/** The index finds a number by this many last digits. */
export const significantDigits = 9;
const minDigits = 5;

/**
 * Keys that do not depend on the spelling: `e:` and an address, `p:` and a number. A number with a known country is in E.164
 * (`p:+491715559999`), any other has its digits without leading zeros (`p:1715559999`). Empty when it is neither.
 */
export function keysOf({ email, phone }: { email?: unknown; phone?: unknown }, countries: readonly string[] = []): string[] {
  return [...emailKeys(email), ...phoneKeys(phone, countries)];
}

/** `countries`: those that a number without a country code may belong to; it gets a key for each in which it is valid. */
export function phoneKeys(text: unknown, countries: readonly string[] = []): string[] {
  const digits = typeof text === "number" ? String(text) : typeof text === "string" ? text : "";
  const read = (countries.length > 0 ? countries : [undefined]).flatMap((country) => readPhone(digits, [country]).key ?? []);
  const full = read.filter((number) => number.startsWith("+"));
  const numbers = full.length > 0 ? full : read.map(withoutZeros);
  return [...new Set(numbers.filter((number) => number.length >= minDigits))].map((number) => `p:${number}`);
}

/** Whether the key is a number with a known country. */
export function isFullNumber(key: string): boolean {
  return key.startsWith("p:+");
}

/** The country code of a key's number, where known, and its national digits without leading zeros. */
export function numberIn(key: string): { code?: string; national: string } {
  const read = isFullNumber(key) ? parsePhoneNumberFromString(key.slice(2)) : undefined;
  return read ? { code: read.countryCallingCode, national: withoutZeros(read.nationalNumber) } : { national: key.slice(2).replace(/\D/g, "") };
}

/** The key of a number with a known country when it is written without the country code. */
export function nationalKey(key: string): string {
  return `p:${numberIn(key).national}`;
}

/**
 * The last digits under which an index may have a key's number, with or without a country code. Other numbers share them: compare the keys of the rows
 * found.
 */
export function endsOf(keys: readonly string[]): string[] {
  const numbers = keys.filter((key) => key.startsWith("p:"));
  const written = numbers.flatMap((key) => {
    const { national } = numberIn(key);
    return [key.slice(2).replace(/\D/g, ""), national, `0${national}`, ...withCodes(national)];
  });
  return [...new Set(written.map((digits) => digits.slice(-significantDigits)))];
}

/** The last digits of a short number include part of the country code, which may be any. */
function withCodes(national: string): string[] {
  const missing = significantDigits - national.length;
  if (missing < 1 || missing > 2) return [];
  return Array.from({ length: 10 ** missing }, (_, code) => `${String(code).padStart(missing, "0")}${national}`);
}

function withoutZeros(digits: string): string {
  return digits.replace(/^0+/, "");
}

function emailKeys(text: unknown): string[] {
  const read = typeof text === "string" ? readEmail(text) : undefined;
  return read ? [`e:${read.key}`] : [];
}
