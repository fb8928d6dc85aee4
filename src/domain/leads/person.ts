import { parsePhoneNumberFromString } from "libphonenumber-js/min";
import { readEmail } from "./email";
import { readPhone } from "./phone";

/** Whom to forget: exactly one of the two. */
export interface Person {
  email?: string | undefined;
  phone?: string | undefined;
}

/** So many digits at its end tell a telephone number from others, however it is dialled: `0171 5559999` and `+49 171 5559999` are one. */
export const telling = 9;
const fewestDigits = 5;

/** Keys that are the same for every spelling: `e:` and an address, `p:` and the digits a number ends with. None when it is neither. */
export function keysOf({ email, phone }: { email?: unknown; phone?: unknown }, countries: readonly string[] = []): string[] {
  return [...emailKeys(email), ...phoneKeys(phone, countries)];
}

/** `countries`: where a number without one may be from. A number of a country where they are short has two ends: with the country and without. */
export function phoneKeys(text: unknown, countries: readonly string[] = []): string[] {
  const said = typeof text === "number" ? String(text) : typeof text === "string" ? text : "";
  const read = [undefined, ...countries].flatMap((country) => readPhone(said, [country]).key ?? []);
  const ends = [...read, ...read.flatMap(nationalOf)].map((number) => number.replaceAll(/\D/g, "").slice(-telling));
  return [...new Set(ends.filter((end) => end.length >= fewestDigits))].map((end) => `p:${end}`);
}

function emailKeys(text: unknown): string[] {
  const read = typeof text === "string" ? readEmail(text) : undefined;
  return read ? [`e:${read.key}`] : [];
}

function nationalOf(number: string): string[] {
  const read = parsePhoneNumberFromString(number);
  return read ? [read.nationalNumber] : [];
}
