import type { JobRef } from "../../queue/job-row";
import type { Revived } from "../../queue/operator-ledger";
import { inGroups, patchedAll, type PatchDeps } from "./patch";
import type { Replay, ReplayStore } from "./store";
import { type Candidate, type CandidatePage, type Walk, walkOver } from "./walk";

/** Jobs of one step: a patched one reads and writes payloads. */
const largestStep = 500;
const largestPatchedStep = 50;
/** Bytes of payload of one step: it is a handful of statements, whatever the payloads. */
const stepBytes = 3_000_000;
/** Pages without any candidate that a step passes over. */
const mostEmptyPages = 10;

export interface StepDeps extends PatchDeps {
  now(): number;
  store: ReplayStore;
  /** Brings dead letters back; returns those that were changed. */
  revive(rows: readonly Revived[]): Promise<readonly JobRef[]>;
}

/** A replay whose turn it is, within one request or tick. */
export interface Turn {
  replay: Replay;
  walk: Walk;
  /** Jobs it may still take in this minute. */
  allowance: number;
}

export function turnOf(deps: StepDeps, replay: Replay): Turn {
  return { replay, walk: walkOver(deps.replayable, replay.tenant, replay.request), allowance: replay.ratePerMinute ?? Infinity };
}

/** One step after another, turn by turn, `most` in all. One that fails leaves its place to the others; the first failure is thrown at the end. */
export async function takeSteps(deps: StepDeps, turns: readonly Turn[], most: number): Promise<void> {
  const failures: unknown[] = [];
  const waiting = [...turns];
  for (let taken = 0; taken < most; taken++) {
    const turn = waiting.shift();
    if (!turn) break;
    try {
      await takeStep(deps, turn);
      if (turn.replay.state === "running" && turn.allowance > 0) waiting.push(turn);
    } catch (thrown) {
      failures.push(thrown);
    }
  }
  if (failures.length > 0) throw failures[0];
}

/** A step that two ticks take at once brings each job back once: only dead letters can be revived. */
async function takeStep(deps: StepDeps, turn: Turn): Promise<void> {
  const { replay } = turn;
  const { candidates, cursor } = await stepOf(turn);
  const replayed = await reviveAll(deps, replay, candidates);
  const ended = cursor === null;
  const after: Replay = {
    ...replay,
    replayed: replay.replayed + replayed,
    failed: replay.failed + candidates.length - replayed,
    cursor,
    state: ended ? "done" : "running",
    endedAt: ended ? deps.now() : null,
  };
  const recorded = await deps.store.advance(after, replay.cursor);
  turn.replay = recorded ? after : ((await deps.store.get(replay.tenant, replay.id)) ?? after);
  turn.allowance -= candidates.length;
}

/** The next candidates, as many as one step may take. */
async function stepOf({ replay, walk, allowance }: Turn): Promise<CandidatePage> {
  const limit = Math.min(replay.request.patch ? largestPatchedStep : largestStep, allowance);
  let page = await walk(replay.cursor, limit);
  for (let empty = 1; empty < mostEmptyPages && page.candidates.length === 0 && page.cursor !== null; empty++) page = await walk(page.cursor, limit);
  let bytes = 0;
  const taken = page.candidates.filter((candidate, index) => (bytes += candidate.bytes) <= stepBytes || index === 0);
  return taken.length < page.candidates.length ? { candidates: taken, cursor: taken.at(-1)?.position ?? null } : page;
}

async function reviveAll(deps: StepDeps, { tenant, request }: Replay, candidates: readonly Candidate[]): Promise<number> {
  const letters = candidates.filter(({ type }) => type !== null);
  const rows = request.patch ? await patchedRows(deps, tenant, letters, request.patch) : letters.map(({ id, bytes }) => ({ row: { tenant, id }, bytes }));
  let revived = 0;
  for (const group of inGroups(rows, ({ bytes }) => bytes, largestStep)) revived += (await deps.revive(group.map(({ row }) => row))).length;
  return revived;
}

async function patchedRows(deps: StepDeps, tenant: string, letters: readonly Candidate[], patch: Record<string, unknown>) {
  const all = await patchedAll(deps, tenant, letters, patch);
  return all.flatMap((each) =>
    each.ok ? [{ row: { tenant, id: each.id, patched: { payload: each.payload, version: each.version } }, bytes: each.payload.length }] : [],
  );
}
