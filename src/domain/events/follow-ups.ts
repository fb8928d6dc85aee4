/** Which leads have answered, and which follow-ups wait for them not to. */
export interface FollowUps {
  /** Remembers the job that will write to the lead. */
  planned(tenant: string, entity: string, job: string): Promise<void>;
  /** The lead has answered: remembers when, and cancels what was planned. Returns how many jobs. */
  answered(tenant: string, entity: string, at: number): Promise<number>;
  /** The job has run: there is nothing to cancel any more. */
  over(tenant: string, entity: string, job: string): Promise<void>;
  /** Whether the lead has answered since `at`. */
  hasAnswered(tenant: string, entity: string, at: number): Promise<boolean>;
}

declare module "../../queue/job" {
  interface Capabilities {
    followUps: FollowUps;
  }
}

/** `cancel` ends a job that is not running; a running one ends by itself, since it asks `hasAnswered` first. */
export function createFollowUps(db: D1Database, cancel: (tenant: string, job: string) => Promise<unknown>): FollowUps {
  return {
    planned: async (tenant, entity, job) => {
      await db.prepare("INSERT INTO follow_ups (tenant, entity, job) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING").bind(tenant, entity, job).run();
    },
    answered: async (tenant, entity, at) => {
      // Remembered before anything is cancelled: a follow-up that begins just now reads it.
      const [, open] = await db.batch<{ job: string }>([
        db.prepare(answerSql).bind(tenant, entity, at),
        db.prepare("SELECT job FROM follow_ups WHERE tenant = ?1 AND entity = ?2").bind(tenant, entity),
      ]);
      const jobs = (open?.results ?? []).map(({ job }) => job);
      for (const job of jobs) await cancel(tenant, job);
      if (jobs.length > 0) await db.prepare(forgetSql).bind(tenant, entity, JSON.stringify(jobs)).run();
      return jobs.length;
    },
    over: async (tenant, entity, job) => {
      await db.prepare("DELETE FROM follow_ups WHERE tenant = ?1 AND entity = ?2 AND job = ?3").bind(tenant, entity, job).run();
    },
    hasAnswered: async (tenant, entity, at) => {
      const row = await db.prepare("SELECT at FROM answers WHERE tenant = ?1 AND entity = ?2").bind(tenant, entity).first<{ at: number }>();
      return row !== null && row.at >= at;
    },
  };
}

const answerSql = `
  INSERT INTO answers (tenant, entity, at) VALUES (?1, ?2, ?3)
  ON CONFLICT (tenant, entity) DO UPDATE SET at = max(at, excluded.at)`;

const forgetSql = "DELETE FROM follow_ups WHERE tenant = ?1 AND entity = ?2 AND job IN (SELECT value FROM json_each(?3))";
