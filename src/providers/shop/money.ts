import { type Micros, microsFrom } from "../../decimal";

/** Characters of a number. */
const maxLength = 64;

/**
 * A decimal of the shop in millionths: `"59.800000"`, `59.8`, `"59,80"` (by PHP's locale), `"-3"`, `"1.0E-6"`. Digits
 * after the sixth decimal are rounded, half away from zero. Null: it is no number.
 */
export function micros(value: string | number): Micros | null {
  const text = String(value).trim();
  const match = text.length > maxLength ? null : /^([+-]?)(\d*)(?:[.,](\d*))?(?:e([+-]?\d{1,2}))?$/i.exec(text);
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = match ?? [];
  const digits = whole + fraction;
  if (digits === "") return null;
  const kept = whole.length + Number(exponent) + 6;
  const millionths = BigInt(digits.slice(0, Math.max(0, kept)).padEnd(kept, "0") || "0") + (kept >= 0 && digits.charAt(kept) >= "5" ? 1n : 0n);
  return microsFrom(sign === "-" ? -millionths : millionths);
}
