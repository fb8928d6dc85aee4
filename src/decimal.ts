/** Millionths of a currency's unit: "59.800000" is 59_800_000. A safe integer, or the digits as text where it would be none. Never a float of units. */
export type Micros = number | string;

/** Millionths as they are stored: a number where it holds them exactly, else their digits. */
export function microsFrom(millionths: bigint): Micros {
  const number = Number(millionths);
  return Number.isSafeInteger(number) ? number : String(millionths);
}

/** Millionths as the decimal text PrestaShop writes: 59_800_000 is "59.800000". */
export function decimal(micros: Micros): string {
  const millionths = BigInt(micros);
  const digits = String(millionths < 0n ? -millionths : millionths).padStart(7, "0");
  return `${millionths < 0n ? "-" : ""}${digits.slice(0, -6)}.${digits.slice(-6)}`;
}

export function decimalOrNull(micros: Micros | null): string | null {
  return micros === null ? null : decimal(micros);
}

/** The sum; null where one of them is not known. */
export function sumOrNull(left: Micros | null, right: Micros | null): Micros | null {
  return left === null || right === null ? null : sumOf([left, right]);
}

export function sumOf(all: readonly Micros[]): Micros {
  return microsFrom(all.reduce<bigint>((total, each) => total + BigInt(each), 0n));
}

/** The price of a quantity, half a millionth rounded away from zero. */
export function times(quantity: number, price: Micros): Micros {
  const exact = BigInt(Math.round(quantity * 1_000_000)) * BigInt(price);
  const half = exact < 0n ? -500_000n : 500_000n;
  return microsFrom((exact + half) / 1_000_000n);
}

/** A quantity has six decimals; what floats add behind them goes. */
export function roundQuantity(quantity: number): number {
  return Math.round(quantity * 1_000_000) / 1_000_000;
}

/** A whole number, not negative, as texts show it: 31622400 is "31,622,400". Not by `Intl`, whose first use in an isolate takes 20 ms. */
export function withCommas(whole: number): string {
  const digits = [...String(whole)];
  return digits.map((digit, index) => (index > 0 && (digits.length - index) % 3 === 0 ? `,${digit}` : digit)).join("");
}

/** `1 job`, `2,000 jobs`. */
export function plural(count: number, noun: string): string {
  return `${withCommas(count)} ${noun}${count === 1 ? "" : "s"}`;
}
