import type { ShopResource } from "../../../providers/shop/row-types";
import type { PageRequest, PageSizes, Shop, Window } from "../../../providers/shop/shop";
import { ok, type Reply } from "../../../queue/effect";
import type { Outcome } from "../../../queue/outcome";
import { markHealthy, outcomeOfFailure, type SyncSession, takeNotes, yieldIfNeeded } from "./session";
import type { UnreadableRow } from "./unreadable";

/** How far a run over many pages has come. It is the job's cursor, or part of it. */
export interface Progress {
  /** `ended`: the last step is stored. */
  phase: string;
  /** The id behind which the next page begins. */
  after: number;
  /** Rows of this phase: read, and how many there are as far as they were counted. */
  read: number;
  total: number | null;
  unreadable: UnreadableRow[];
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
  /** Rows that the shop has and failed to load. */
  missing: readonly number[];
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
  session: SyncSession,
  from: Cursor,
  take: (cursor: Cursor) => Promise<Reply<Step<Cursor>>>,
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
 * How many rows are in the window, or in all: by lists of ids, which load no row, up to the empty one behind them. Null: some, but the
 * shop's lists are so short that counting would take long.
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

/** The cursor behind a page. */
export function behind<Cursor extends Progress>(cursor: Cursor, { lastId, rows, missing, warnings }: Omit<ReadPage, "more" | "writes">): Cursor {
  return { ...cursor, after: lastId, read: cursor.read + rows + missing.length, warnings: allWarnings([...cursor.warnings, ...warnings]) };
}

/** The cursor with what the step could not read; the same when it has it already. */
export function withNotes<Cursor extends Progress>(cursor: Cursor, { notes }: SyncSession): Cursor {
  const flawed = notes.reads.filter((read) => read.flawed.length > 0);
  const found = flawed.flatMap(({ resource, flawed: rows }) => rows.map(({ id, reason }) => ({ resource, id, reason })));
  const kept = flawed.map(({ resource }) => `some ${resource} could not be read: what was stored of them before stays`);
  const warnings = allWarnings([...cursor.warnings, ...notes.refused.values(), ...kept, ...notes.warnings]);
  return { ...cursor, unreadable: allUnreadable([...cursor.unreadable, ...found]), warnings };
}

/** Each row once, as many as a cursor or result carries. */
export function allUnreadable(rows: readonly UnreadableRow[]): UnreadableRow[] {
  const all = new Map(rows.map((row) => [`${row.resource}/${row.id}`, row]));
  return [...all.values()].slice(0, maxUnreadable);
}

export function allWarnings(warnings: readonly string[]): string[] {
  return [...new Set(warnings)].slice(0, maxWarnings);
}

/** What the shop still has to give of a phase. `counted`: to the end, by lists of ids. */
export function expectedOf({ total, read }: Progress, counted: boolean): PageRequest["expected"] {
  return total === null ? undefined : { rows: total - read, counted };
}

/** Lists of ids that are shorter than asked, of which one count looks at no more. */
const maxShort = 20;

/** Both travel in the cursor. */
const maxUnreadable = 50;
const maxWarnings = 10;

function totalOf({ phase, read, total }: Progress): number | undefined {
  if (phase === "ended") return read;
  return total === null ? undefined : Math.max(total, read);
}

function noteOf({ phase, after, warnings, unreadable }: Progress): string {
  const partly = unreadable.length === 0 ? [] : [`${unreadable.length} rows cannot be read whole, see the site`];
  if (phase === "ended") return ["all read", ...partly, ...warnings].join("; ");
  return after === 0 ? phase : `${phase}, up to id ${after}`;
}
