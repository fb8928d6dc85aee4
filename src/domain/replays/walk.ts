import type { Replayable } from "../../ledger/replayable";
import type { ReplayFilter, ReplayRequest } from "./model";

/** A job that a replay names. */
export interface Candidate {
  id: string;
  /** Null: it is no dead letter. */
  type: string | null;
  /** Size of the payload in the ledger. */
  bytes: number;
  /** The cursor with which a step goes on after it. */
  position: string;
}

export interface CandidatePage {
  candidates: Candidate[];
  /** Null: this was the last page. A page may be empty and yet not the last. */
  cursor: string | null;
}

export type Walk = (cursor: string | null, limit: number) => Promise<CandidatePage>;

/** What is walked over: exactly one of filter and ids. */
export type ReplaySelection = Pick<ReplayRequest, "filter" | "ids">;

/** Pages without any candidate that one call passes over. */
const maxEmptyPages = 10;

/**
 * The cursor behind everything that a request names. An older Worker that goes on from it finds nothing; without one it would begin anew.
 */
export function cursorAfterAll({ ids }: ReplaySelection): string {
  return ids ? String(ids.length) : `0.${"0".repeat(34)}`;
}

/** "0" is what an earlier release writes for a request that it cannot read: to begin anew would send jobs again. */
export function isBehind(named: ReplaySelection, cursor: string | null): boolean {
  return cursor === cursorAfterAll(named) || cursor === "0";
}

/** Walks over what a request names. Ids are looked up once, all together, however many pages they make; a page of a filter is two statements. */
export function walkOver(replayable: Replayable, tenant: string, { ids, filter = {} }: ReplaySelection): Walk {
  return ids ? overIds(replayable, tenant, ids) : overPages((cursor, limit) => filterPage(replayable, tenant, filter, cursor, limit));
}

/** A few pages without a candidate are passed over. */
function overPages(walk: Walk): Walk {
  return async (cursor, limit) => {
    let page = await walk(cursor, limit);
    for (let empty = 1; empty < maxEmptyPages && page.candidates.length === 0 && page.cursor !== null; empty++) page = await walk(page.cursor, limit);
    return page;
  };
}

function overIds(replayable: Replayable, tenant: string, ids: readonly string[]): Walk {
  let known: Promise<Map<string, Found>> | undefined;
  return async (cursor, limit) => {
    known ??= found(replayable, tenant, ids);
    const letters = await known;
    const from = Number(cursor ?? 0);
    const candidates = ids.slice(from, from + limit).map((id, index) => ({ id, ...(letters.get(id) ?? none), position: String(from + index + 1) }));
    const next = from + candidates.length;
    return { candidates, cursor: next < ids.length ? String(next) : null };
  };
}

async function filterPage(replayable: Replayable, tenant: string, filter: ReplayFilter, cursor: string | null, limit: number): Promise<CandidatePage> {
  const page = await replayable.page(tenant, filter, { limit, ...(cursor === null ? {} : { cursor }) });
  if (page.letters.length === 0) return { candidates: [], cursor: page.cursor };
  const letters = await found(
    replayable,
    tenant,
    page.letters.map(({ id }) => id),
  );
  return { candidates: page.letters.map(({ id, position }) => ({ id, ...(letters.get(id) ?? none), position })), cursor: page.cursor };
}

type Found = Pick<Candidate, "type" | "bytes">;

const none: Found = { type: null, bytes: 0 };

async function found(replayable: Replayable, tenant: string, ids: readonly string[]): Promise<Map<string, Found>> {
  return new Map((await replayable.sizes(tenant, ids)).map(({ id, type, bytes }) => [id, { type, bytes }]));
}
