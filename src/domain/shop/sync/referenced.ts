import type { ShopRows } from "../../../providers/shop/row-types";
import type { Found, Lookup } from "../../../providers/shop/shop";
import { ok, type Reply } from "../../../queue/effect";
import { missingIds, type RelatedResource, namedWrites, type SomeNamed, type WantedRows } from "../related-rows";
import type { SyncSession } from "./session";

/** Rows by their ids. */
export async function byId<R extends RelatedResource>(session: SyncSession, resource: R, ids: Iterable<number | null>): Promise<Reply<readonly ShopRows[R][]>> {
  const values = [...new Set(ids)].filter((id) => id !== null);
  if (values.length === 0) return ok([]);
  const reply = await session.shop.find(resource, { field: "id", values } as Lookup<R>, session.signal);
  return reply.ok ? ok(await withStoredValues(session, resource, reply.value)) : reply;
}

/** Keeps the stored row where the new one cannot be read completely. */
export async function withStoredValues<R extends RelatedResource>(
  { scope }: SyncSession,
  resource: R,
  { rows, unreadable }: Found<ShopRows[R]>,
): Promise<readonly ShopRows[R][]> {
  if (unreadable.length === 0) return rows;
  const flawed = unreadable.map(({ id }) => id);
  const unknown = await missingIds(scope, resource, flawed);
  return rows.filter(({ id }) => !flawed.includes(id) || unknown.includes(id));
}

/** Reads the rows that are named and not stored. */
export async function missingOf(session: SyncSession, wanted: readonly WantedRows[]): Promise<Reply<SomeNamed>> {
  const byResource: SomeNamed = {};
  for (const [resource, ids] of wanted) {
    const rows = await byId(session, resource, await missingIds(session.scope, resource, ids));
    if (!rows.ok) return rows;
    Object.assign(byResource, { [resource]: rows.value });
  }
  return ok(byResource);
}

/** Statements that store all rows of these resources, which are few. A row that the shop fails to load is read where it is needed. */
export async function readLists(session: SyncSession, resources: readonly RelatedResource[]): Promise<Reply<unknown[]>> {
  const writes: unknown[] = [];
  for (const resource of resources) {
    for (let afterId = 0, more = true; more;) {
      const readAt = session.now();
      const page = await session.shop.page(resource, { afterId, expected: { rows: 0, counted: false }, signal: session.signal });
      if (!page.ok) return page;
      const rows = await withStoredValues(session, resource, page.value as Found<ShopRows[typeof resource]>);
      writes.push(...namedWrites(session.scope, resource, rows, readAt));
      ({ lastId: afterId, more } = page.value);
    }
  }
  return ok(writes);
}
