const formats = new Map<string, Intl.DateTimeFormat>();
const offsets = new Map<string, number>();
/** Clocks are changed at full quarters of an hour only. */
const quarter = 900_000;

/** `2026-10-25 02:30:00`, as PHP's date() writes it in that zone. */
export function localTime(instant: number, zone: string): string {
  return textOf(instant + offsetAt(Math.floor(instant / quarter), zone));
}

/** Asking the zone is slow, and each row's date is asked for. */
function offsetAt(quarters: number, zone: string): number {
  const known = offsets.get(`${zone}/${quarters}`);
  if (known !== undefined) return known;
  // The Swedish notation happens to be the same.
  const format = formats.get(zone) ?? new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "medium" });
  formats.set(zone, format);
  const offset = Date.parse(`${format.format(quarters * quarter).replace(" ", "T")}Z`) - quarters * quarter;
  if (offsets.size > 100_000) offsets.clear();
  offsets.set(`${zone}/${quarters}`, offset);
  return offset;
}

function textOf(naive: number): string {
  return new Date(naive).toISOString().slice(0, 19).replace("T", " ");
}
