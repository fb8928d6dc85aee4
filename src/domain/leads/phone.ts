import { visible } from "./visible";
import { type CountryCode, isSupportedCountry, parsePhoneNumberFromString, type PhoneNumber } from "libphonenumber-js/min";

interface Phone {
  /** E.164 where it can be parsed, else as received. */
  number: string;
  /** The same for all spellings of a number. */
  key: string | undefined;
  country: string | undefined;
  /** False: the number is kept and adds to the suspicion. */
  valid: boolean;
}

const minDigits = 5;

/** Parses a number with the first of the countries (`DE`, `+49` or `49`) in which it is valid. An invalid number is flagged, never refused. */
export function readPhone(text: string, countries: readonly (string | undefined)[]): Phone {
  const raw = digitsOf(text);
  const read = (raw.startsWith("+") ? [undefined] : countries.filter((each) => each !== undefined)).map((country) => parsed(raw, country));
  const tried = [...read, raw.startsWith("+") ? undefined : parsed(`+${raw}`, undefined)].filter((each) => each !== undefined);
  const best = tried.find((each) => each.isValid()) ?? tried.find((each) => each.isPossible());
  const kept = visible(text.slice(0, 1000)).slice(0, 64).toWellFormed();
  if (!best) return { number: kept, key: phoneKey(raw), country: undefined, valid: false };
  const { number, country } = withoutPlus(raw, best) ?? best;
  return { number, key: number, country, valid: best.isValid() };
}

/** `491711234567` in Germany: the digits begin with the country code already. Up to ten digits are a number without one. */
function withoutPlus(raw: string, { countryCallingCode }: PhoneNumber): PhoneNumber | undefined {
  const whole = raw.length > 10 && raw.startsWith(countryCallingCode) ? parsed(`+${raw}`, undefined) : undefined;
  return whole?.isValid() ? whole : undefined;
}

function phoneKey(raw: string): string | undefined {
  const digits = raw.replace("+", "");
  return digits.length >= minDigits ? digits.slice(0, 32) : undefined;
}

function parsed(raw: string, country: string | undefined): PhoneNumber | undefined {
  const letters = country?.trim().toUpperCase() ?? "";
  if (country === undefined) return parsePhoneNumberFromString(raw);
  if (isSupportedCountry(letters)) return parsePhoneNumberFromString(raw, { defaultCountry: letters satisfies CountryCode });
  const dial = /^(?:\+|00)?(\d{1,4})$/.exec(letters.replaceAll(/[\s-]/g, ""))?.[1];
  return dial === undefined ? undefined : parsePhoneNumberFromString(raw, { defaultCallingCode: dial });
}

/** Digits of any script, with a leading plus for `00`; without the zero of `+44 (0)20` and without an extension. */
function digitsOf(text: string): string {
  const plain = withoutExtension(
    visible(text.slice(0, 1000))
      .normalize("NFKC")
      .slice(0, 100)
      .replaceAll(/\p{Nd}/gu, digit),
  ).trim();
  const international = /^(?:\+|00)/.test(plain.replace(/^[^\d+]*/, ""));
  const body = international ? plain.replace(/\(0\)/, "").replace(/^[^\d+]*(?:\+|00)/, "") : plain;
  return (international ? "+" : "") + body.replaceAll(/\D/g, "");
}

/** An extension: digits after a pause (`,` `;` `p` `w`), `#`, or a word for an extension. */
const extension = /[,;#]|(?:ext|extn|extension|x|durchwahl|dw|poste|anexo|ramal|interno|int|доб)\.?[\s:=]*(?=\d)|[pw](?=\d)/gi;

/** A mark counts only after the digits of a number: `#31#` before them withholds the caller's number. */
function withoutExtension(text: string): string {
  for (const { index } of text.matchAll(extension)) {
    const before = text.slice(0, index);
    if (before.replaceAll(/\D/g, "").length >= minDigits) return before;
  }
  return text;
}

/** Unicode has the decimal digits of each script in a run of ten. */
function digit(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  if (code < 128) return char;
  let zero = code;
  while (zero > code - 9 && /\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero--;
  return String((code - zero) % 10);
}
