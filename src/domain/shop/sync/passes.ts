import { ok, type Reply } from "../../../queue/effect";
import type { SyncKind } from "../site/store";
import { comparedWrites, goneIds, goneWrites } from "./gone";
import { readAgain } from "./read-again";
import type { SyncSession } from "./session";
import type { StepProgress, SyncStep } from "./steps";

/** Rows that one run reads again; the others wait for the next run. */
const maxAgain = 500;

/** Reads some of the unreadable rows again; undefined: none is left for this run. */
export async function readAgainStep<Cursor extends StepProgress & { began: number }>(
  session: SyncSession,
  kind: SyncKind,
  cursor: Cursor,
  linkVendors: boolean,
): Promise<Reply<SyncStep<Cursor> | undefined>> {
  const writes = cursor.read < maxAgain ? await readAgain(session, kind, { since: cursor.began, linkVendors }) : ok(null);
  if (!writes.ok) return writes;
  if (writes.value === null) return ok(undefined);
  const looked = session.notes.reads[0];
  return ok({ cursor: { ...cursor, read: cursor.read + (looked ? looked.flawed.length + looked.sound.length : 0) }, writes: writes.value });
}

/**
 * Compares a page of the shop's ids with the stored ones, and marks stored rows that are not listed as deleted. Only the empty page after the
 * others is the last (`isLast`), and records that all ids were compared.
 */
export async function compareIdsStep<Cursor extends StepProgress & { deleted: number }>(
  { shop, scope, now, signal }: SyncSession,
  kind: SyncKind,
  cursor: Cursor,
): Promise<Reply<SyncStep<Cursor> & { isLast: boolean }>> {
  const readAt = now();
  const page = await shop.ids(kind, { afterId: cursor.after, signal });
  if (!page.ok) return page;
  const { ids, lastId, more } = page.value;
  const deletedIds = await goneIds(scope, kind, ids, { after: cursor.after, until: more ? lastId : null }, readAt);
  const next = { ...cursor, after: lastId, read: cursor.read + ids.length, deleted: cursor.deleted + deletedIds.length };
  const writes = [...goneWrites(scope, kind, deletedIds, readAt, now()), ...(more ? [] : comparedWrites(scope, kind, readAt))];
  return ok({ cursor: next, writes, isLast: !more });
}
