import { keyOf } from "../queue/ref";
import type { JobState } from "../queue/state";
import { batch, rowsOf, statement } from "../d1";

/** A payload of a job that may still run, as it is stored. */
export interface PayloadSample {
  tenant: string;
  id: string;
  type: string;
  /** Version of the payload's shape. */
  version: number;
  state: JobState;
  /** JSON text; null when it is in R2 (`ref`). */
  payload: string | null;
  ref: string | null;
}

/** Tenants that are read, and of each tenant the rows of each source. */
const maxTenants = 100;
const maxRows = 200;
/** Samples returned of each version, and of all versions together. */
const maxOfVersion = 20;
const maxSamples = 100;

const open = `'queued', 'running', 'retrying', 'waiting', 'dead', 'discarded'`;
const candidates = `
  SELECT j.tenant, j.id, j.version, j.state FROM (
    SELECT id FROM (SELECT id FROM jobs WHERE tenant = ?1 ORDER BY id DESC LIMIT ?3)
    UNION ALL SELECT id FROM (SELECT id FROM due WHERE tenant = ?1 ORDER BY at LIMIT ?3)
    UNION ALL SELECT id FROM (SELECT id FROM parked WHERE tenant = ?1 LIMIT ?3)
    UNION ALL SELECT id FROM (SELECT id FROM dead_letters WHERE tenant = ?1 ORDER BY died DESC LIMIT ?3)
  ) s CROSS JOIN jobs j ON j.tenant = ?1 AND j.id = s.id
  WHERE j.type IN (SELECT value FROM json_each(?2)) AND j.state IN (${open})`;
const contents = `
  SELECT j.tenant, j.id, j.type, j.version, j.state, j.payload, j.ref
  FROM json_each(?1) e CROSS JOIN jobs j ON j.tenant = e.value->>0 AND j.id = e.value->>1`;

const alphabet = "0123456789abcdefghijklmnopqrstuvwxyz";

type Candidate = Pick<PayloadSample, "tenant" | "id" | "version" | "state">;

/**
 * Payloads of open and dead jobs of a type with these names: at most 20 of each version, and 100 in all. They are of one tenant, or (null) of up to
 * 100 tenants taken at random. It alternates between the states. A queued job has no row yet while its message is young.
 */
export function createSampleQueries(db: D1Database): (names: readonly string[], tenant: string | null) => Promise<PayloadSample[]> {
  return async (names, tenant) => {
    const tenants = tenant === null ? await someTenants(db) : [tenant];
    if (tenants.length === 0) return [];
    const results = await batch(
      db,
      tenants.map((each) => statement(db, candidates, each, JSON.stringify(names), maxRows)),
    );
    // A job may be found in several sources.
    const found = tenants.flatMap((_, index) => rowsOf<Candidate>(results, index));
    const picked = pick([...new Map(found.map((each) => [keyOf(each), each])).values()]);
    if (picked.length === 0) return [];
    const refs = JSON.stringify(picked.map((each) => [each.tenant, each.id]));
    return (await statement(db, contents, refs).all<PayloadSample>()).results;
  };
}

/** The tenants that follow a random place in the alphabet, then those from its beginning. */
async function someTenants(db: D1Database): Promise<string[]> {
  const start = alphabet[Math.floor(Math.random() * alphabet.length)] ?? "";
  const from = (condition: string) => statement(db, `SELECT tenant FROM tenants WHERE tenant ${condition} ?1 ORDER BY tenant LIMIT ?2`, start, maxTenants);
  const results = await batch(db, [from(">="), from("<")]);
  return [0, 1].flatMap((index) => rowsOf<{ tenant: string }>(results, index).map(({ tenant }) => tenant)).slice(0, maxTenants);
}

/** Alternates, for each version, between the states, and within a state between the tenants. */
function pick(found: readonly Candidate[]): Candidate[] {
  const byVersion = [...Map.groupBy(found, ({ version }) => version).values()];
  const chosen = byVersion.map((rows) =>
    roundRobin(
      rows,
      ({ state }) => state,
      (ofState) => roundRobin(ofState, ({ tenant }) => tenant),
    ).slice(0, maxOfVersion),
  );
  return roundRobin(chosen.flat(), ({ version }) => String(version)).slice(0, maxSamples);
}

function roundRobin<Row>(rows: readonly Row[], groupOf: (row: Row) => string, order: (rows: Row[]) => Row[] = (all) => all): Row[] {
  const groups = [...Map.groupBy(rows, groupOf).values()].map(order);
  const maxLength = Math.max(0, ...groups.map(({ length }) => length));
  return Array.from({ length: maxLength }, (_, round) => groups.flatMap((group) => group.slice(round, round + 1))).flat();
}
