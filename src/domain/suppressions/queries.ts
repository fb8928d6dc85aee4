import { statement } from "../../d1";
import type { HashAddress, Suppression, SuppressionReason } from "./model";

type Row = Suppression & { hash: string };

export type SuppressionQueries = ReturnType<typeof createSuppressionQueries>;

export function createSuppressionQueries(db: D1Database, hash: HashAddress) {
  return {
    /** Why each of these addresses gets no mail, in their order; null where it does. `bulk`: unsubscribed ones get none either. One round trip. */
    async reasons(tenant: string, addresses: readonly string[], bulk: boolean): Promise<(SuppressionReason | null)[]> {
      const hashes = await Promise.all(addresses.map((each) => hash(tenant, each)));
      const sql = `
        SELECT s.hash, s.scope, s.reason FROM json_each(?2) h CROSS JOIN suppressions s
          ON s.tenant = ?1 AND s.hash = h.value AND (s.scope = 'all' OR ?3)`;
      const list = JSON.stringify([...new Set(hashes)].filter((each) => each !== undefined));
      const { results } = await statement(db, sql, tenant, list, bulk ? 1 : 0).all<Pick<Row, "hash" | "scope" | "reason">>();
      const reasonsByHash = new Map(results.toSorted((a, b) => b.scope.localeCompare(a.scope)).map((row) => [row.hash, row.reason]));
      return hashes.map((each) => (each === undefined ? null : (reasonsByHash.get(each) ?? null)));
    },
    /** Suppressions of an address, scope `all` first. */
    async of(tenant: string, address: string): Promise<Suppression[]> {
      const sql = "SELECT scope, reason, address, since FROM suppressions WHERE tenant = ?1 AND hash = ?2 ORDER BY scope";
      const { results } = await statement(db, sql, tenant, (await hash(tenant, address)) ?? "").all<Omit<Row, "hash">>();
      return results;
    },
    /** Newest first. `cursor` is that of the previous page; null at the end. */
    async list(
      tenant: string,
      { reason }: { reason?: SuppressionReason | undefined },
      { cursor, limit }: { cursor?: string | undefined; limit: number },
    ): Promise<{ suppressions: Suppression[]; cursor: string | null }> {
      const [since, after, scope] = placeIn(cursor);
      // Rows with another reason are skipped; a page examines at most ten times its size.
      const sql = `
        SELECT hash, scope, reason, address, since FROM suppressions INDEXED BY suppressions_by_since
        WHERE tenant = ?1 AND (since, hash, scope) < (?2, ?3, ?4) ORDER BY since DESC, hash DESC, scope DESC LIMIT ?5`;
      const looked = reason === undefined ? limit : limit * 10;
      const { results } = await db.prepare(sql).bind(tenant, since, after, scope, looked).all<Row>();
      const fitting = results.filter((row) => reason === undefined || row.reason === reason);
      const page = fitting.slice(0, limit);
      const last = fitting.length > limit ? page.at(-1) : results.length === looked ? results.at(-1) : undefined;
      return {
        suppressions: page.map(({ address, scope: wide, reason: why, since: at }) => ({ address, scope: wide, reason: why, since: at })),
        cursor: last ? `${last.since}.${last.hash}.${last.scope}` : null,
      };
    },
  };
}

/** After all rows when there is no valid cursor. */
function placeIn(cursor: string | undefined): [since: number, hash: string, scope: string] {
  const [, since, hash, scope] = /^(\d{1,15})\.([0-9a-f]{32})\.(all|bulk)$/.exec(cursor ?? "") ?? [];
  return since === undefined ? [Number.MAX_SAFE_INTEGER, "~", "~"] : [Number(since), hash ?? "", scope ?? ""];
}
