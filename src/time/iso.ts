export function iso(at: number): string {
  return new Date(at).toISOString();
}

export function isoOrNull(at: number | null): string | null {
  return at === null ? null : iso(at);
}

/** The object with these of its times, milliseconds, as ISO 8601. */
export function withIso<Row extends object, Name extends keyof Row>(row: Row, ...names: readonly Name[]): IsoTimes<Row, Name> {
  const times = names.map((name) => [name, isoOrNull(row[name] as number | null)]);
  return { ...row, ...Object.fromEntries(times) } as IsoTimes<Row, Name>;
}

type IsoTimes<Row, Name extends keyof Row> = Omit<Row, Name> & { [Time in Name]: null extends Row[Time] ? string | null : string };
