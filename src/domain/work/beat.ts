import { redact } from "../../masking/redact";
import type { HeldJob } from "../../ledger/work/model";
import type { JobRef, Pause } from "../../queue/ports/job-row";
import { keyOf } from "../../queue/ref";
import type { JobState } from "../../queue/state";
import { maskedReasons } from "./masked-reason";
import type { WorkDeps } from "./deps";
import { leaseDeadline, isPaused, standingOf } from "./model";
import type { HeartbeatRequest } from "./requests";
import { reclaimHeld } from "./held-job";
import { minuteMs } from "../../time/day";

type BeatRequest = HeartbeatRequest & JobRef;

export type BeatResult =
  | { id: string; ok: true; leaseUntil: number; cancel: { reason: string } | null; pause: boolean }
  | { id: string; ok: false; code: "lease-lost" | "ended" | "unknown"; state: JobState | null };

/** Extends leases; the first heartbeat of a job starts it. One result each, in order. */
export async function beat(deps: WorkDeps, requests: readonly BeatRequest[]): Promise<BeatResult[]> {
  const { engine, ledger } = deps;
  const now = engine.now();
  const [rows, pauses] = await Promise.all([ledger.held(requests), engine.ledger.pauses()]);
  const byKey = new Map(rows.map((row) => [keyOf(row), row]));
  const standings = await Promise.all(
    requests.map(async (request) => {
      const job = byKey.get(keyOf(request));
      return { request, job, standing: job ? await standingOf(deps.leases, job, request.lease) : ("unknown" as const) };
    }),
  );
  const back = await reclaimHeld(
    deps,
    standings.flatMap(({ job, standing }) => (job && standing === "shelved" ? [job] : [])),
    now,
  );
  const alive = standings.flatMap(({ request, job, standing }) =>
    job && (standing === "held" || (standing === "shelved" && back.has(keyOf(job)))) ? [{ request, job, until: untilOf(deps, job, request, now) }] : [],
  );
  // A job that is named twice gets the lease of its last item.
  const last = [...new Map(alive.map((each) => [keyOf(each.job), each])).values()];
  const notes = await notesOf(deps, last);
  const beats = last.map(({ request, job, until }) => ({
    tenant: job.tenant,
    id: job.id,
    nonce: job.lease ?? "",
    until,
    progress: progressOf(request, notes.get(keyOf(job)), now),
    cursor: request.cursor === undefined ? undefined : JSON.stringify(request.cursor),
    at: now,
  }));
  const kept = new Set((await ledger.beat(beats)).map(keyOf));
  await prolongGates(
    deps,
    last.map(({ job, until }) => ({ job, until })),
    now,
  );
  const untils = new Map(last.filter(({ job }) => kept.has(keyOf(job))).map(({ job, until }) => [keyOf(job), until]));
  // By request, not by job: another item may name the same job with a lease that is not its own.
  const isAlive = new Set(alive.map(({ request }) => request));
  return standings.map(({ request, job, standing }) => {
    const until = job && isAlive.has(request) ? untils.get(keyOf(job)) : undefined;
    if (job && until !== undefined) return { id: request.id, ok: true, leaseUntil: until, cancel: cancelOf(deps, job, now), pause: pauseOf(deps, job, pauses) };
    const hasEnded = standing === "settled" || (job !== undefined && job.ended !== null);
    const code = standing === "unknown" ? "unknown" : hasEnded ? "ended" : "lease-lost";
    return { id: request.id, ok: false, code, state: job?.state ?? null };
  });
}

function untilOf({ engine }: WorkDeps, job: HeldJob, { extendSeconds }: BeatRequest, now: number): number {
  const timeout = engine.registry.find(job.type)?.contract.policy.timeout ?? 0;
  const extension = extendSeconds === undefined ? (job.extension ?? minuteMs) : extendSeconds * 1000;
  return Math.min(now + extension, leaseDeadline(job, timeout));
}

function cancelOf({ engine }: WorkDeps, job: HeldJob, now: number): { reason: string } | null {
  if (job.cancel === 1) return { reason: "the job was cancelled" };
  const timeout = engine.registry.find(job.type)?.contract.policy.timeout ?? 0;
  return leaseDeadline(job, timeout) <= now ? { reason: `the job has run for ${timeout} s, which is all it may` } : null;
}

function pauseOf({ engine }: WorkDeps, job: HeldJob, pauses: readonly Pause[]): boolean {
  const contract = engine.registry.find(job.type)?.contract;
  return contract !== undefined && isPaused(pauses, { tenant: job.tenant, type: contract.type }, [job.queue]);
}

/** Masked notes: a note may quote the payload. */
async function notesOf(deps: WorkDeps, alive: readonly { request: BeatRequest; job: HeldJob }[]): Promise<Map<string, string>> {
  const notes = alive.flatMap(({ request, job }) => (typeof request.progress?.note === "string" ? [{ job, text: request.progress.note }] : []));
  const texts = await maskedReasons(deps, notes);
  return new Map(notes.map(({ job }, index) => [keyOf(job), redact(texts[index] ?? "").slice(0, 200)]));
}

function progressOf({ progress }: BeatRequest, note: string | undefined, at: number): string | null {
  return progress ? JSON.stringify({ done: progress.done, total: progress.total ?? null, note: note ?? null, at }) : null;
}

/** Extends the gates' leases: a gate counts a job only until its lease ends. */
async function prolongGates({ engine }: WorkDeps, alive: readonly { job: HeldJob; until: number }[], now: number): Promise<void> {
  const inside = alive.filter(({ job }) => job.entered !== null);
  const calls = inside.flatMap(({ job, until }) =>
    Object.keys(JSON.parse(job.entered ?? "{}") as object).map((gate) => engine.gates.enter(job.tenant, gate, [job.id], until - now, now)),
  );
  await Promise.all(calls);
}
