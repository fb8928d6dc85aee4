import { statement } from "../d1";

/** How a step of the newest tick ended. */
interface StepRecord {
  step: string;
  outcome: "done" | "failed" | "skipped";
  /** Milliseconds. */
  at: number;
  ms: number;
  detail: string | null;
}

export function createTicks(db: D1Database) {
  return {
    async record(steps: readonly StepRecord[]): Promise<void> {
      const sql = `
        INSERT INTO ticks (step, outcome, at, ms, detail)
        SELECT value->>0, value->>1, value->>2, value->>3, value->>4 FROM json_each(?1) WHERE true
        ON CONFLICT DO UPDATE SET outcome = excluded.outcome, at = excluded.at, ms = excluded.ms, detail = excluded.detail`;
      await statement(db, sql, JSON.stringify(steps.map(({ step, outcome, at, ms, detail }) => [step, outcome, at, ms, detail]))).run();
    },
    /** Removes the record of a step that is taken no more, or stands for something else now. */
    async forget(step: string): Promise<void> {
      await statement(db, "DELETE FROM ticks WHERE step = ?1", step).run();
    },
    async list(): Promise<StepRecord[]> {
      return (await db.prepare(`SELECT step, outcome, at, ms, detail FROM ticks ORDER BY step`).all<StepRecord>()).results;
    },
  };
}
