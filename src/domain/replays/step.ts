import type { JobRef } from "../../queue/ports/job-row";
import type { Revived } from "../../queue/ports/operator-ledger";
import { inGroups, patchedAll, type PatchDeps } from "./patch";
import type { ReplayStore } from "./store";
import type { Replay, ReplayView } from "./model";
import type { Stepper } from "./stepper";
import { cursorAfterAll, type Candidate, type CandidatePage, isBehind, type Walk, walkOver } from "./walk";

/** Jobs of one step: a patched one reads and writes payloads. */
const maxStep = 500;
const maxPatchedStep = 50;
/** Bytes of payload of one step: it is a handful of statements, whatever the payloads. */
const stepBytes = 3_000_000;

export interface StepDeps extends PatchDeps {
  now(): number;
  store: ReplayStore;
  /** Brings dead letters back, written down under the replay; returns those that were changed. */
  revive(rows: readonly Revived[], replay: string): Promise<readonly JobRef[]>;
}

/** A replay that goes on by steps, within one request or tick. */
export interface ReplayStepper extends Stepper {
  replay: Replay;
  walk: Walk;
}

export function stepperOf(deps: StepDeps, begun: Replay): ReplayStepper {
  /** Jobs it may still take in this minute. */
  let allowance = begun.ratePerMinute ?? Infinity;
  const stepper: ReplayStepper = {
    replay: begun,
    walk: walkOver(deps.replayable, begun.tenant, begun.request),
    goesOn: () => stepper.replay.state === "running" && !isSent(stepper.replay) && room() > 0,
    step: async () => {
      allowance -= await takeStep(deps, stepper, room());
    },
  };
  const room = () => Math.min(allowance, canaryRoom(standingOf(stepper.replay)));
  return stepper;
}

/** Whether all that a replay names were sent. */
export function isSent({ request, cursor }: Replay): boolean {
  return isBehind(request, cursor);
}

/** The counts since the replay began, or since it was last resumed. */
function standingOf(replay: Replay): ReplayStanding {
  const { canary, open, before } = replay;
  const since = (what: keyof Replay["before"]) => replay[what] - before[what];
  return { canary, open, sent: since("sent"), succeeded: since("succeeded"), failedAgain: since("failedAgain"), isSent: isSent(replay) };
}

/** Counts the outcomes of the replay's jobs, and ends the replay when these require it. */
export async function settleReplay(deps: Pick<StepDeps, "store" | "now">, replay: Replay): Promise<Replay> {
  const counted = replay.open > 0 ? await deps.store.count(replay) : replay;
  const end = counted.state === "running" ? endOf(standingOf(counted)) : null;
  if (!end) return counted;
  await deps.store.end(counted.tenant, counted.id, end, deps.now());
  return (await deps.store.get(counted.tenant, counted.id)) ?? counted;
}

/** Jobs that were taken. A step that two ticks take at once brings each job back once: only dead letters can be revived. */
async function takeStep(deps: StepDeps, stepper: ReplayStepper, room: number): Promise<number> {
  const { replay } = stepper;
  const { candidates, cursor } = await candidatePage(stepper, room);
  const sent = await reviveAll(deps, replay, candidates);
  const after: Replay = {
    ...replay,
    sent: replay.sent + sent,
    open: replay.open + sent,
    failed: replay.failed + candidates.length - sent,
    cursor: cursor ?? cursorAfterAll(replay.request),
  };
  const state = await deps.store.advance(after, replay.cursor);
  stepper.replay = state === "running" ? after : ((await deps.store.get(replay.tenant, replay.id)) ?? after);
  return candidates.length;
}

/** The next candidates, as many as one step may take. */
async function candidatePage({ replay, walk }: ReplayStepper, room: number): Promise<CandidatePage> {
  const page = await walk(replay.cursor, Math.min(replay.request.patch ? maxPatchedStep : maxStep, room));
  let bytes = 0;
  const taken = page.candidates.filter((candidate, index) => (bytes += candidate.bytes) <= stepBytes || index === 0);
  return taken.length < page.candidates.length ? { candidates: taken, cursor: taken.at(-1)?.position ?? null } : page;
}

async function reviveAll(deps: StepDeps, { tenant, id: replay, request }: Replay, candidates: readonly Candidate[]): Promise<number> {
  const letters = candidates.filter(({ type }) => type !== null);
  const rows = request.patch ? await patchedRows(deps, tenant, letters, request.patch) : letters.map(({ id, bytes }) => ({ row: { tenant, id }, bytes }));
  let revived = 0;
  for (const group of inGroups(rows, ({ bytes }) => bytes, maxStep))
    revived += (
      await deps.revive(
        group.map(({ row }) => row),
        replay,
      )
    ).length;
  return revived;
}

async function patchedRows(deps: StepDeps, tenant: string, letters: readonly Candidate[], patch: Record<string, unknown>) {
  const all = await patchedAll(deps, tenant, letters, patch);
  return all.flatMap((each) =>
    each.ok ? [{ row: { tenant, id: each.id, patched: { payload: each.payload, version: each.version } }, bytes: each.payload.length }] : [],
  );
}

/** Failures from which on a replay under way may be stopped. */
const minFailures = 10;

/** What of a replay decides whether it goes on. */
type ReplayStanding = Pick<ReplayView, "canary" | "sent" | "succeeded" | "failedAgain" | "open"> & {
  /** Whether all that it names were sent. */
  isSent: boolean;
};

type ReplayEnd = { state: "done" } | { state: "stopped"; reason: string };

/** Whether a running replay ends now; null: it goes on. Pure. */
export function endOf(replay: ReplayStanding): ReplayEnd | null {
  if (replay.isSent) return replay.open === 0 ? { state: "done" } : null;
  if (replay.canary === 0) return null;
  const { canary, sent, succeeded, failedAgain, open } = replay;
  const ended = succeeded + failedAgain;
  const isMost = failedAgain * 2 >= ended && failedAgain > 0;
  if (sent <= canary) {
    const isOver = sent === canary && open === 0;
    return isOver && isMost ? { state: "stopped", reason: `${failedAgain} of the first ${sent} jobs failed again; the others were not sent` } : null;
  }
  const isFailing = isMost && failedAgain >= minFailures;
  return isFailing ? { state: "stopped", reason: `${failedAgain} of ${ended} jobs failed again; the others were not sent` } : null;
}

/** How many jobs may be sent now, as far as its canary goes: its rest, none while it is under way, then all. Pure. */
export function canaryRoom({ canary, sent, open }: Pick<ReplayStanding, "canary" | "sent" | "open">): number {
  if (sent < canary) return canary - sent;
  return sent === canary && canary > 0 && open > 0 ? 0 : Infinity;
}
