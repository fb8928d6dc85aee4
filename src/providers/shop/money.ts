import type { Micros } from "./rows";

/**
 * A decimal as the shop writes it, in millionths: `"59.800000"`, `59.8`, `"-3"`, `"1.0E-6"`. What lies behind the sixth decimal is rounded,
 * half away from zero. Null for what is no number or more than a safe integer can hold (9,007,199,254 units).
 */
export function micros(value: string | number): Micros | null {
  const found = /^([+-]?)(\d*)(?:\.(\d*))?$/.exec(plain(value));
  if (!found || `${found[2]}${found[3] ?? ""}` === "") return null;
  const decimals = (found[3] ?? "").padEnd(7, "0");
  const whole = BigInt(found[2] || "0") * 1_000_000n + BigInt(decimals.slice(0, 6)) + (decimals.charAt(6) >= "5" ? 1n : 0n);
  if (whole > BigInt(Number.MAX_SAFE_INTEGER)) return null;
  return found[1] === "-" && whole > 0n ? -Number(whole) : Number(whole);
}

/** PHP and JSON write very small and very large numbers with an exponent. */
function plain(value: string | number): string {
  const text = String(value).trim();
  if (text.length > 64) return "";
  return /^[+-]?\d+(\.\d*)?e[+-]?\d{1,2}$/i.test(text) ? Number(text).toFixed(6) : text;
}
