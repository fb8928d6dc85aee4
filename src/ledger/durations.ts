import { batch, lists, rowsOf, statement } from "../d1";

/** Upper bounds of the buckets in seconds; one more bucket counts what is above the last. Do not change them: stored counts belong to these bounds. */
export const durationBounds = {
  run: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
  wait: [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 21_600],
} as const;

export const durationKinds = ["run", "wait"] as const;

export type DurationKind = (typeof durationKinds)[number];

/** The durations of one type, measured since the installation began. */
export interface Histogram {
  /** One count for each bound, then that of what is above. Not cumulative. */
  buckets: number[];
  /** Milliseconds. */
  sum: number;
}

export interface TypeDurations extends Record<DurationKind, Histogram> {
  type: string;
}

/** Measured in an isolate and not written yet. */
export interface Durations extends Record<DurationKind, Histogram> {
  tenant: string;
  type: string;
}

/** The installation's own, as the tenant of the tick's durations. */
export const ofInstallation = "*";

const columns = durationKinds.flatMap((kind) => [`${kind}_ms`, ...[...durationBounds[kind], 0].map((_, index) => `${kind}_${index}`)]);

const addUp = `
  INSERT INTO durations (tenant, type, ${columns.join(", ")})
  SELECT value->>0, value->>1, ${columns.map((_, index) => `value->>${index + 2}`).join(", ")} FROM json_each(?1) WHERE true
  ON CONFLICT DO UPDATE SET ${columns.map((column) => `${column} = ${column} + excluded.${column}`).join(", ")}`;

const sums = `SELECT type, ${columns.map((column) => `sum(${column}) AS ${column}`).join(", ")} FROM durations`;

export function noDurations(tenant: string, type: string): Durations {
  const empty = (kind: DurationKind): Histogram => ({ buckets: [...durationBounds[kind], 0].map(() => 0), sum: 0 });
  return { tenant, type, run: empty("run"), wait: empty("wait") };
}

export function measure(histogram: Histogram, kind: DurationKind, ms: number): void {
  const index = durationBounds[kind].findIndex((bound) => ms <= bound * 1000);
  const bucket = index < 0 ? durationBounds[kind].length : index;
  histogram.buckets[bucket] = (histogram.buckets[bucket] ?? 0) + 1;
  histogram.sum += Math.round(ms);
}

/** Statements that add what was measured. */
export function durationStatements(db: D1Database, all: readonly Durations[]): D1PreparedStatement[] {
  const rows = all.map(({ tenant, type, ...kinds }) => [tenant, type, ...durationKinds.flatMap((kind) => [kinds[kind].sum, ...kinds[kind].buckets])]);
  return lists(rows).map((list) => statement(db, addUp, list));
}

/** By type, of a tenant or (null) of all; and how long ticks took, for the installation. */
export async function durationsIn(db: D1Database, tenant: string | null): Promise<{ types: TypeDurations[]; tick: Histogram | undefined }> {
  const whose = tenant === null ? "tenant <> ?1" : "tenant = ?1";
  const results = await batch(db, [
    statement(db, `${sums} WHERE ${whose} GROUP BY type ORDER BY type`, tenant ?? ofInstallation),
    ...(tenant === null ? [statement(db, `${sums} WHERE tenant = ?1 AND type = 'tick' GROUP BY type`, ofInstallation)] : []),
  ]);
  const [tick] = rowsOf<SummedRow>(results, 1);
  return { types: rowsOf<SummedRow>(results, 0).map(toDurations), tick: tick && toDurations(tick).run };
}

interface SummedRow {
  type: string;
  [column: string]: number | string;
}

function toDurations(row: SummedRow): TypeDurations {
  const of = (kind: DurationKind): Histogram => ({
    sum: Number(row[`${kind}_ms`]),
    buckets: [...durationBounds[kind], 0].map((_, index) => Number(row[`${kind}_${index}`])),
  });
  return { type: row.type, run: of("run"), wait: of("wait") };
}
