import { deadLetterPage } from "./dead-letters";
import { statement } from "../d1";
import { decisionPrefix } from "../queue/effect";
import type { DeadLetterFilter, PageBounds } from "./views";

/** What a replay reads of dead letters, in bulk: one statement each. */
export type Replayable = ReturnType<typeof createReplayable>;

/** Jobs of one type: how many have made an effect, and how many have one in doubt. */
interface ReplayableEffects {
  type: string;
  done: number;
  inDoubt: number;
}

export interface ReplayableContent {
  id: string;
  type: string;
  /** Version of the payload's shape. */
  version: number;
  /** JSON text; null when it is in R2 (`ref`). */
  payload: string | null;
  ref: string | null;
  /** An effect that may have happened. */
  doubtful: string | null;
  /** 1: a run ended without the answer of a call, perhaps without any record of it. */
  doubt: number;
}

/** Joined in this order: by its estimates SQLite would read all jobs of the tenant for each id. */
const ended = `FROM json_each(?2) e CROSS JOIN jobs j ON j.tenant = ?1 AND j.id = e.value WHERE j.state IN ('dead', 'discarded')`;
const sizesOf = `SELECT j.id, j.type, coalesce(octet_length(j.payload), 0) AS bytes ${ended}`;
const contentsOf = `
  SELECT j.id, j.type, j.version, j.payload, j.ref, j.doubt,
    (SELECT f.key FROM effects f WHERE f.tenant = j.tenant AND f.job = j.id AND f.state IN ('intent', 'uncertain') LIMIT 1) AS doubtful
  ${ended}`;

/** A decision of a run is no act on the outside world. */
const effectIn = (states: string) => `EXISTS (SELECT 1 FROM effects f WHERE f.tenant = j.tenant AND f.job = j.id AND f.state IN (${states})
  AND substr(f.key, 1, ${decisionPrefix.length}) <> '${decisionPrefix}')`;
const effectsOf = `SELECT j.type, ${effectIn("'done'")} AS done, j.doubt > 0 OR ${effectIn("'intent', 'uncertain'")} AS inDoubt ${ended}`;

export function createReplayable(db: D1Database) {
  return {
    /** Newest first; `position` is the cursor that goes on after a letter. */
    page: (tenant: string, filter: DeadLetterFilter, page: PageBounds): Promise<{ letters: { id: string; position: string }[]; cursor: string | null }> =>
      deadLetterPage(db, tenant, filter, page),
    /** The ids of jobs that can be replayed, with the bytes of the payload in each row. */
    sizes: async (tenant: string, ids: readonly string[]): Promise<{ id: string; type: string; bytes: number }[]> =>
      (await statement(db, sizesOf, tenant, JSON.stringify(ids)).all<{ id: string; type: string; bytes: number }>()).results,
    contents: async (tenant: string, ids: readonly string[]): Promise<ReplayableContent[]> =>
      (await statement(db, contentsOf, tenant, JSON.stringify(ids)).all<ReplayableContent>()).results,
    /** Counts the effects, made and in doubt, of the jobs that can be replayed. */
    effects: async (tenant: string, ids: readonly string[]): Promise<ReplayableEffects[]> => {
      const { results } = await statement(db, effectsOf, tenant, JSON.stringify(ids)).all<ReplayableEffects>();
      return [...Map.groupBy(results, ({ type }) => type)].map(([type, rows]) => ({
        type,
        done: rows.reduce((sum, { done }) => sum + done, 0),
        inDoubt: rows.reduce((sum, { inDoubt }) => sum + inDoubt, 0),
      }));
    },
  };
}
