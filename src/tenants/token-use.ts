import { hourMs } from "../time/day";

/** Notes that tokens are used. */
export type TokenUse = ReturnType<typeof createTokenUse>;

/** How exactly a token's last use is known. Milliseconds. */
const noteEveryMs = hourMs;
/** Tokens whose notes an isolate remembers. */
const maxRemembered = 10_000;

const noteSql = "UPDATE tokens SET used = ?3 WHERE tenant = ?1 AND id = ?2 AND coalesce(used, 0) <= ?4";

/** `defer` waits for the statement and logs its failure; a use that could not be noted is noted with the next hour's. */
export function createTokenUse(db: D1Database, defer: (work: Promise<unknown>) => void) {
  const noted = new Map<string, number>();
  return {
    /** Costs a statement at the first use of an hour in this isolate, behind the answer, and a written row only where no isolate has noted that hour's use yet. */
    note(tenant: string, id: string, now: number): void {
      const before = noted.get(id);
      if (before !== undefined && now - before < noteEveryMs) return;
      if (noted.size >= maxRemembered) noted.clear();
      noted.set(id, now);
      defer(
        db
          .prepare(noteSql)
          .bind(tenant, id, now, now - noteEveryMs)
          .run(),
      );
    },
  };
}
