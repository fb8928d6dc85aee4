import type { EngineEvent } from "../queue/engine";
import { mayBeDone, lists, statement } from "../d1";
import { type DurationKind, durationKinds, type Durations, durationStatements, measure, noDurations } from "./durations";
import { minuteMs } from "../time/day";

/** An isolate adds up its counts for this long before it writes them: one row a minute and type, not one a job. Milliseconds. */
const flushEveryMs = 2000;
/** Counts and histograms that are kept while D1 refuses them, for a day at its limit for example: the oldest are dropped. About 2 MB. */
export const maxCountsKept = 10_000;

const addUp = `
  INSERT INTO counters (tenant, minute, type, event, n, ms)
  SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5 FROM json_each(?1) WHERE true
  ON CONFLICT DO UPDATE SET n = n + excluded.n, ms = ms + excluded.ms`;

interface Count {
  tenant: string;
  /** Start of the minute. Milliseconds. */
  minute: number;
  type: string;
  event: string;
  n: number;
  ms: number;
}

/**
 * Minute counters for charts and histograms for metrics. An isolate that ends, or a lost answer of D1, loses up to two seconds of counts, never a job.
 */
export class Counters {
  private counts = new Map<string, Count>();
  /** The count that was raised last: most jobs of a batch raise the same one. */
  private newest: Count | undefined;
  private durations = new Map<string, Durations>();
  /** Until then another request is expected to write. The platform may have ended that request, so after this time the next one schedules a write. */
  private flushExpectedUntil = 0;

  constructor(
    private readonly db: D1Database,
    private readonly now: () => number,
    private readonly defer: (promise: Promise<unknown>) => void,
    private readonly report: (event: EngineEvent) => void,
  ) {}

  add(tenant: string, type: string, event: string, ms: number, n = 1): void {
    const now = this.now();
    this.count({ tenant, minute: Math.floor(now / minuteMs) * minuteMs, type, event, n, ms });
    this.scheduleFlush(now);
  }

  /** Milliseconds that a run took, and that its job waited before; null: not known. */
  time(tenant: string, type: string, times: Record<DurationKind, number | null>): void {
    const durations = getOrMake(this.durations, tenant, type);
    for (const kind of durationKinds) {
      const ms = times[kind];
      if (ms !== null) measure(durations[kind], kind, ms);
    }
    this.scheduleFlush(this.now());
  }

  private scheduleFlush(now: number): void {
    if (now < this.flushExpectedUntil) return;
    this.flushExpectedUntil = now + 3 * flushEveryMs;
    this.defer(scheduler.wait(flushEveryMs).then(() => this.flush()));
  }

  /** Writes the counts. Never throws. Of counts that D1 refused, the newest `maxKept` are added to the next; those that it may have written are dropped: no count is too high. */
  async flush(): Promise<void> {
    this.flushExpectedUntil = 0;
    const taken = this.counts;
    const measured = this.durations;
    this.counts = new Map();
    this.newest = undefined;
    this.durations = new Map();
    if (taken.size + measured.size === 0) return;
    const rows = [...taken.values()].map(({ tenant, minute, type, event, n, ms }) => [tenant, minute, type, event, n, Math.round(ms)]);
    try {
      // Without withRetry: a repeated statement would add the counts twice.
      await this.db.batch([...lists(rows).map((list) => statement(this.db, addUp, list)), ...durationStatements(this.db, [...measured.values()])]);
    } catch (thrown) {
      if (!mayBeDone(thrown)) {
        for (const count of [...taken.values()].slice(-maxCountsKept)) this.count(count);
        for (const each of [...measured.values()].slice(-maxCountsKept)) this.keep(each);
      }
      this.report({ event: "trouble", where: "counters", reason: String(thrown) });
    }
  }

  private keep({ tenant, type, ...kinds }: Durations): void {
    const durations = getOrMake(this.durations, tenant, type);
    for (const kind of durationKinds) {
      durations[kind].sum += kinds[kind].sum;
      for (const [index, n] of kinds[kind].buckets.entries()) durations[kind].buckets[index] = (durations[kind].buckets[index] ?? 0) + n;
    }
  }

  private count(one: Count): void {
    const existing = isAlike(this.newest, one) ? this.newest : this.counts.get(counterOf(one));
    if (existing) {
      existing.n += one.n;
      existing.ms += one.ms;
    } else this.counts.set(counterOf(one), one);
    this.newest = existing ?? one;
  }
}

/** No name holds a line break. */
function counterOf({ tenant, minute, type, event }: Count): string {
  return `${tenant}\n${minute}\n${type}\n${event}`;
}

function isAlike(left: Count | undefined, right: Count): left is Count {
  return left?.tenant === right.tenant && left.minute === right.minute && left.type === right.type && left.event === right.event;
}

function getOrMake(all: Map<string, Durations>, tenant: string, type: string): Durations {
  const key = `${tenant}\n${type}`;
  const existing = all.get(key);
  if (existing) return existing;
  const made = noDurations(tenant, type);
  all.set(key, made);
  return made;
}
