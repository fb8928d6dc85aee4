/** One counted event. */
export interface AnalyticsEvent {
  tenant: string;
  /** The job that recorded it; each job counts once. */
  job: string;
  event: string;
  /** When it happened. Milliseconds. */
  at: number;
  value?: number | undefined;
  dimensions?: Record<string, string> | undefined;
}

type Analytics = ReturnType<typeof createAnalytics>;

declare module "../../queue/job" {
  interface Capabilities {
    analytics: Analytics;
  }
}

/** `dataset` is undefined where no Analytics Engine is bound. */
export function createAnalytics(db: D1Database, dataset?: AnalyticsEngineDataset) {
  return {
    /** Adds events that are not stored yet, in one round trip; one statement for each 1.8 MB. Throws when the database cannot be reached. */
    store: async (events: readonly AnalyticsEvent[]): Promise<void> => {
      const statements = chunks(events.map(toRow)).map((rows) => db.prepare(insert).bind(rows));
      if (statements.length > 0) await db.batch(statements);
    },
    /** Writes a point for charts: tenant, event name and value only. At most once; a lost point is not reported. */
    // The index is the sampling key. Dimensions are omitted: a tenant may put any data into them.
    point: ({ tenant, event, value }: AnalyticsEvent): void => dataset?.writeDataPoint({ indexes: [tenant], blobs: [event], doubles: [1, value ?? 0] }),
  };
}

const insert = `
  INSERT INTO analytics_events (tenant, job, event, at, value, dimensions)
  SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5 FROM json_each(?1) WHERE TRUE
  ON CONFLICT (tenant, job) DO NOTHING`;

function toRow({ tenant, job, event, at, value, dimensions }: AnalyticsEvent): string {
  return JSON.stringify([tenant, job, event, at, value ?? null, dimensions ? JSON.stringify(dimensions) : null]);
}

/** D1 accepts 2 MB a parameter. */
const maxBytes = 1_800_000;

function chunks(rows: readonly string[]): string[] {
  const lists: string[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const row of rows) {
    const bytes = new TextEncoder().encode(row).byteLength + 1;
    if (size + bytes > maxBytes) {
      lists.push([]);
      size = 2;
    }
    lists.at(-1)?.push(row);
    size += bytes;
  }
  return lists.map((list) => `[${list.join(",")}]`);
}
