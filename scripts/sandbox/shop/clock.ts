const formats = new Map<string, Intl.DateTimeFormat>();

/** `2026-10-25 02:30:00`, as PHP's date() writes it in that zone. The Swedish notation happens to be the same. */
export function localTime(instant: number, zone: string): string {
  const known = formats.get(zone) ?? new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "medium" });
  formats.set(zone, known);
  return known.format(instant);
}
