import type { ShopResource } from "../../../providers/shop/row-types";
import type { ShopPageRequest, PageSizes, Shop, Window } from "../../../providers/shop/shop";
import { ok, type Reply } from "../../../queue/effect";
import type { Outcome } from "../../../queue/outcome";
import { markHealthy, outcomeOfFailure, type SyncSession, takeNotes, yieldIfNeeded } from "./session";
import type { UnreadableRow } from "./unreadable";

/** The progress of a run over many pages: the job's cursor, or a part of it. */
export interface StepProgress {
  /** `ended`: the last step is committed. */
  phase: string;
  /** The next page begins after this id. */
  after: number;
  /** Rows of this phase: read so far, and in total where counted. */
  read: number;
  total: number | null;
  unreadable: UnreadableRow[];
  warnings: string[];
  pageSizes?: PageSizes;
}

/** The result of one step: the cursor after it, and the statements that commit with it. */
export interface SyncStep<Cursor> {
  cursor: Cursor;
  writes: readonly unknown[];
}

/** A page with the statements that store it. */
export interface ReadPage {
  writes: readonly unknown[];
  lastId: number;
  more: boolean;
  rows: number;
  /** Rows that the shop has and failed to load. */
  missing: readonly number[];
  warnings: readonly string[];
}

export const startOfAll = { after: 0, read: 0, total: null, unreadable: [], warnings: [] };

/** The cursor at the beginning of a phase. */
export function entering<Cursor extends StepProgress, Phase extends Cursor["phase"]>(cursor: Cursor, phase: Phase, total: number | null): Cursor {
  return { ...cursor, phase, after: 0, read: 0, total };
}

/**
 * Takes one step after the other, each committed before the next begins, until the last one or until the run must yield.
 * Returns the outcome of the run, or the cursor after the last step.
 */
export async function inSteps<Cursor extends StepProgress>(
  session: SyncSession,
  from: Cursor,
  take: (cursor: Cursor) => Promise<Reply<SyncStep<Cursor>>>,
): Promise<Outcome | Cursor> {
  for (let cursor = from; ;) {
    session.notes.reads.length = 0;
    session.notes.warnings.clear();
    const step = await take(cursor);
    if (!step.ok) return outcomeOfFailure(session, step.failure);
    await markHealthy(session);
    cursor = { ...withNotes(step.value.cursor, session), pageSizes: session.shop.pageSizes };
    await session.checkpoint(cursor, [...step.value.writes, ...takeNotes(session)]);
    await session.progress(cursor.read, totalOf(cursor), noteOf(cursor));
    if (cursor.phase === "ended") return cursor;
    const room = await yieldIfNeeded(session, cursor);
    if (room) return room;
  }
}

/**
 * Counts the rows of the window, or all, by lists of ids, which load no rows, up to the empty list after them. Null: the
 * shop's lists are so short that counting would take too long.
 */
export async function countRows(shop: Shop, resource: ShopResource, window: Window | undefined, signal: AbortSignal): Promise<Reply<number | null>> {
  for (let afterId = 0, count = 0, short = 0; ;) {
    const page = await shop.ids(resource, { window, afterId, signal });
    if (!page.ok) return page;
    if (!page.value.more) return ok(count);
    if (!page.value.full && ++short > maxShort) return ok(null);
    count += page.value.ids.length;
    afterId = page.value.lastId;
  }
}

/** The cursor after a page. */
export function cursorAfterPage<Cursor extends StepProgress>(cursor: Cursor, { lastId, rows, missing, warnings }: Omit<ReadPage, "more" | "writes">): Cursor {
  return { ...cursor, after: lastId, read: cursor.read + rows + missing.length, warnings: allWarnings([...cursor.warnings, ...warnings]) };
}

/** The cursor with the step's unreadable rows and refusals; unchanged when it has them already. */
export function withNotes<Cursor extends StepProgress>(cursor: Cursor, { notes }: SyncSession): Cursor {
  const flawed = notes.reads.filter((read) => read.flawed.length > 0);
  const added = flawed.flatMap(({ resource, flawed: rows }) => rows.map(({ id, reason }) => ({ resource, id, reason })));
  const kept = flawed.map(({ resource }) => `some ${resource} could not be read: what was stored of them before stays`);
  const warnings = allWarnings([...cursor.warnings, ...notes.refused.values(), ...kept, ...notes.warnings]);
  return { ...cursor, unreadable: allUnreadable([...cursor.unreadable, ...added]), warnings };
}

/** Each row once, up to the bound of a cursor or result. */
export function allUnreadable(rows: readonly UnreadableRow[]): UnreadableRow[] {
  const all = new Map(rows.map((row) => [`${row.resource}/${row.id}`, row]));
  return [...all.values()].slice(0, maxUnreadable);
}

export function allWarnings(warnings: readonly string[]): string[] {
  return [...new Set(warnings)].slice(0, maxWarnings);
}

/** The number of rows left in a phase. `counted`: exact, by lists of ids. */
export function expectedOf({ total, read }: StepProgress, counted: boolean): ShopPageRequest["expected"] {
  return total === null ? undefined : { rows: total - read, counted };
}

/** One count reads at most this many lists of ids that are shorter than requested. */
const maxShort = 20;

/** Bounds of the cursor. */
const maxUnreadable = 50;
const maxWarnings = 10;

function totalOf({ phase, read, total }: StepProgress): number | undefined {
  if (phase === "ended") return read;
  return total === null ? undefined : Math.max(total, read);
}

function noteOf({ phase, after, warnings, unreadable }: StepProgress): string {
  const partly = unreadable.length === 0 ? [] : [`${unreadable.length} rows cannot be read whole, see the site`];
  if (phase === "ended") return ["all read", ...partly, ...warnings].join("; ");
  return after === 0 ? phase : `${phase}, up to id ${after}`;
}
