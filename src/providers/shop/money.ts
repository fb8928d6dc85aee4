import { type Micros, microsFrom } from "../../decimal";

/** The longest text that is taken for a number. */
const maxLength = 64;

/**
 * A decimal as the shop writes it, in millionths: `"59.800000"`, `59.8`, `"59,80"` (PHP under such a locale), `"-3"`, `"1.0E-6"`. What lies
 * behind the sixth decimal is rounded, half away from zero. Null for what is no number.
 */
export function micros(value: string | number): Micros | null {
  const text = String(value).trim();
  const found = text.length > maxLength ? null : /^([+-]?)(\d*)(?:[.,](\d*))?(?:e([+-]?\d{1,2}))?$/i.exec(text);
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = found ?? [];
  const digits = whole + fraction;
  if (digits === "") return null;
  const kept = whole.length + Number(exponent) + 6;
  const millionths = BigInt(digits.slice(0, Math.max(0, kept)).padEnd(kept, "0") || "0") + (kept >= 0 && digits.charAt(kept) >= "5" ? 1n : 0n);
  return microsFrom(sign === "-" ? -millionths : millionths);
}
