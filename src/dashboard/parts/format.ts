export function number(value: number): string {
  return value.toLocaleString("en-US", { maximumFractionDigits: 1 });
}

/** A length of time in one or two units: `850 ms`, `4.2 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  const seconds = ms / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  return twoUnits(whole);
}

function twoUnits(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return joined(minutes, "min", seconds % 60, "s");
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? joined(hours, "h", minutes % 60, "min") : joined(Math.floor(hours / 24), "d", hours % 24, "h");
}

function joined(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

/** An amount that rounds to nothing, but is not nothing, is not shown as 0. */
export function usd(value: number): string {
  if (value > 0 && value < 0.00005) return "under 0.0001 USD";
  return `${value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 4 })} USD`;
}

/** An amount in USD with two significant digits, because it may be far below a cent. */
export function smallUsd(value: number): string {
  return value > 0 && value < 0.01 ? `${Number(value.toPrecision(2)).toLocaleString("en-US", { maximumFractionDigits: 8 })} USD` : usd(value);
}

/** The end of an id, which differs even between ids of the same time. */
export function tailOf(id: string): string {
  return id.length > 8 ? `…${id.slice(-8)}` : id;
}

/** A name as an element's id. */
export function domId(...parts: readonly string[]): string {
  return parts.join("-").replaceAll(/[^\w-]/g, "_");
}

/** `2026-11-26 06:24:53 UTC` */
export function utc(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
}
