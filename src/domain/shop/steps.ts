import type { ShopResource } from "../../providers/shop/rows";
import type { PageSizes, Shop, Unreadable, Window } from "../../providers/shop/shop";
import { ok, type Reply } from "../../queue/effect";
import type { Outcome } from "../../queue/outcome";
import { failedVisit, makesRoom, mended, type Visit, type VisitContext } from "./visit";

/** How far a run over many pages has come. It is the job's cursor, or part of it. */
export interface Progress {
  /** `ended`: the last step is stored. */
  phase: string;
  /** The id behind which the next page begins. */
  after: number;
  /** Rows of this phase: read, and how many there are as far as they were counted. */
  read: number;
  total: number | null;
  unreadable: Unreadable[];
  warnings: string[];
  pageSizes?: PageSizes;
}

/** What one step did: the cursor behind it, and the statements that commit with it. */
export interface Step<Cursor> {
  cursor: Cursor;
  writes: readonly unknown[];
}

/** A page as it was read, with the statements that store it. */
export interface ReadPage {
  writes: readonly unknown[];
  lastId: number;
  more: boolean;
  rows: number;
  unreadable: readonly Unreadable[];
  warnings: readonly string[];
}

export const startOfAll = { after: 0, read: 0, total: null, unreadable: [], warnings: [] };

/** The cursor at the beginning of a phase. */
export function entering<Cursor extends Progress, Phase extends Cursor["phase"]>(cursor: Cursor, phase: Phase, total: number | null): Cursor {
  return { ...cursor, phase, after: 0, read: 0, total };
}

/**
 * Takes one step after the other, each stored before the next begins, until the last one or until the run should make room.
 * Returns how the run ends, or the cursor behind the last step.
 */
export async function inSteps<Cursor extends Progress>(
  context: VisitContext,
  here: Visit,
  from: Cursor,
  take: (cursor: Cursor) => Promise<Reply<Step<Cursor>>>,
): Promise<Outcome | Cursor> {
  for (let cursor = from; ;) {
    const step = await take(cursor);
    if (!step.ok) return failedVisit(context, here, step.failure);
    await mended(here);
    cursor = { ...step.value.cursor, pageSizes: here.shop.pageSizes };
    await context.checkpoint(cursor, step.value.writes);
    await context.progress(cursor.read, totalOf(cursor), noteOf(cursor));
    if (cursor.phase === "ended") return cursor;
    const room = await makesRoom(context, here, cursor);
    if (room) return room;
  }
}

/** How many rows are in the window, or in all: by lists of ids, which load no row. */
export async function countRows(shop: Shop, resource: ShopResource, window: Window | undefined, signal: AbortSignal): Promise<Reply<number>> {
  for (let afterId = 0, count = 0; ;) {
    const page = await shop.ids(resource, { window, afterId, signal });
    if (!page.ok) return page;
    count += page.value.ids.length;
    if (!page.value.full) return ok(count);
    afterId = page.value.lastId;
  }
}

/** The cursor behind a page. */
export function behind<Cursor extends Progress>(cursor: Cursor, { lastId, rows, unreadable, warnings }: ReadPage): Cursor {
  return {
    ...cursor,
    after: lastId,
    read: cursor.read + rows + unreadable.length,
    unreadable: [...cursor.unreadable, ...unreadable].slice(0, mostUnreadable),
    warnings: [...new Set([...cursor.warnings, ...warnings])].slice(0, mostWarnings),
  };
}

/** What the shop still has to give of a phase, as far as it was counted. */
export function expectedOf({ total, read }: Progress): number | undefined {
  return total === null ? undefined : total - read;
}

/** Both travel in the cursor. */
const mostUnreadable = 50;
const mostWarnings = 10;

function totalOf({ phase, read, total }: Progress): number | undefined {
  if (phase === "ended") return read;
  return total === null ? undefined : Math.max(total, read);
}

function noteOf({ phase, after, warnings }: Progress): string {
  if (phase === "ended") return warnings.length === 0 ? "all read" : `all read; ${warnings.join("; ")}`;
  return after === 0 ? phase : `${phase}, up to id ${after}`;
}
