import type { EngineEvent } from "../queue/engine";
import { batch, lists, statement } from "../d1";

/** Counts are kept in the isolate for this long before they are written: one row a minute and type, not one a job. Milliseconds. */
const every = 2000;
const minute = 60_000;

const addUp = `
  INSERT INTO counters (tenant, minute, type, event, n, ms)
  SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5 FROM json_each(?1) WHERE true
  ON CONFLICT DO UPDATE SET n = n + excluded.n, ms = ms + excluded.ms`;

interface Count {
  tenant: string;
  /** Its start in milliseconds. */
  minute: number;
  type: string;
  event: string;
  n: number;
  ms: number;
}

/**
 * Minute counters for charts and metrics, beside the ledger's rows: an isolate that dies takes up to two seconds of counts with it,
 * never a job.
 */
export class Counters {
  private counts = new Map<string, Count>();
  /** Until then somebody is going to write; a request that the platform ended does not, so the next one takes over. */
  private promised = 0;

  constructor(
    private readonly db: D1Database,
    private readonly now: () => number,
    private readonly defer: (promise: Promise<unknown>) => void,
    private readonly report: (event: EngineEvent) => void,
  ) {}

  add(tenant: string, type: string, event: string, ms: number, n = 1): void {
    this.count({ tenant, minute: Math.floor(this.now() / minute) * minute, type, event, n, ms });
    if (this.now() < this.promised) return;
    this.promised = this.now() + 3 * every;
    this.defer(scheduler.wait(every).then(() => this.flush()));
  }

  /** Writes what has gathered. Never throws; what could not be written is tried with the next. */
  async flush(): Promise<void> {
    this.promised = 0;
    const taken = this.counts;
    this.counts = new Map();
    if (taken.size === 0) return;
    const rows = [...taken.values()].map(({ tenant, minute, type, event, n, ms }) => [tenant, minute, type, event, n, Math.round(ms)]);
    try {
      await batch(
        this.db,
        lists(rows).map((list) => statement(this.db, addUp, list)),
      );
    } catch (thrown) {
      for (const count of taken.values()) this.count(count);
      this.report({ event: "trouble", where: "counters", reason: String(thrown) });
    }
  }

  private count(one: Count): void {
    // No name holds a line break.
    const key = `${one.tenant}\n${one.minute}\n${one.type}\n${one.event}`;
    const known = this.counts.get(key);
    if (known) {
      known.n += one.n;
      known.ms += one.ms;
    } else this.counts.set(key, one);
  }
}
