import { parsePhoneNumberFromString } from "libphonenumber-js/min";
import { readEmail } from "../leads/email";
import { readPhone } from "../leads/phone";

/** Whom to forget: exactly one of the two. */
export interface Person {
  email?: string | undefined;
  phone?: string | undefined;
}

/** Digits at its end by which a number is looked up in an index. */
export const significantDigits = 9;
const minDigits = 5;

/**
 * Keys that are the same for every spelling: `e:` and an address, `p:` and a number. A number whose country is known is in E.164
 * (`p:+491715559999`), any other its digits without leading zeros (`p:1715559999`). None when it is neither.
 */
export function keysOf({ email, phone }: { email?: unknown; phone?: unknown }, countries: readonly string[] = []): string[] {
  return [...emailKeys(email), ...phoneKeys(phone, countries)];
}

/** `countries`: where a number without one may be from; it has a key for each in which it makes sense. */
export function phoneKeys(text: unknown, countries: readonly string[] = []): string[] {
  const digits = typeof text === "number" ? String(text) : typeof text === "string" ? text : "";
  const read = (countries.length > 0 ? countries : [undefined]).flatMap((country) => readPhone(digits, [country]).key ?? []);
  const full = read.filter((number) => number.startsWith("+"));
  const numbers = full.length > 0 ? full : read.map(withoutZeros);
  return [...new Set(numbers.filter((number) => number.length >= minDigits))].map((number) => `p:${number}`);
}

/** Whether the key is a number of a known country. */
export function isFullNumber(key: string): boolean {
  return key.startsWith("p:+");
}

/** The calling code of a key's number, where it is known, and its national digits without leading zeros. */
export function numberIn(key: string): { code?: string; national: string } {
  const read = isFullNumber(key) ? parsePhoneNumberFromString(key.slice(2)) : undefined;
  return read ? { code: read.countryCallingCode, national: withoutZeros(read.nationalNumber) } : { national: key.slice(2).replace(/\D/g, "") };
}

/** The key that a number of a known country has when it is written without one. */
export function nationalKey(key: string): string {
  return `p:${numberIn(key).national}`;
}

/** By what an index of ends may hold a key's number, with a country or without. Others have the same ends: compare the keys of what is found. */
export function endsOf(keys: readonly string[]): string[] {
  const numbers = keys.filter((key) => key.startsWith("p:"));
  const written = numbers.flatMap((key) => {
    const { national } = numberIn(key);
    return [key.slice(2).replace(/\D/g, ""), national, `0${national}`, ...withCodes(national)];
  });
  return [...new Set(written.map((digits) => digits.slice(-significantDigits)))];
}

/** A short number's end reaches into its country's code, which may be any. */
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
