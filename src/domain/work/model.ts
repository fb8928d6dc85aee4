import { toBase64url } from "../../base64";
import { equalTexts } from "../../crypto";
import type { Code } from "../../errors";
import type { HeldJob, Shelf } from "../../ledger/work/model";
import type { JobRef, Pause } from "../../queue/ports/job-row";
import type { JobState } from "../../queue/state";
import { minuteMs } from "../../time/day";

/** The version of the protocol, which a client may name in `Jobyard-Protocol`. */
export const protocol = 1;
export const oldestProtocol = 1;

/** Leases of one worker. */
export const maxLeases = 1000;
/** Jobs of one pull, items of one bulk call. */
export const maxItems = 100;
/** A type with waiting jobs that no worker pulled for this time is a finding. */
export const unpolledAfterMs = 5 * minuteMs;
/** A worker that did not start this many offers in a row gets none for a while. */
export const maxVoids = 3;
export const quietForMs = 10 * minuteMs;

/** The state that an operator has set for a worker. */
export type WorkerState = "run" | "quiet" | "stop";
/** A worker without jobs that sent nothing for this time has ended. Longer than a pull waits, and than the interval of its row's updates. */
export const endedAfterMs = 60_000;

/** The caller of a worker's request. */
export interface WorkScope {
  /** Null: all tenants, for the root token without a tenant. */
  tenant: string | null;
  /** Token and tenant, so that pull ids of callers do not collide. */
  caller: string;
  /** Types that the token is bound to; undefined: all. */
  types: readonly string[] | undefined;
}

/** The text of a lease, opaque to workers, for one job and one pull. */
export type Leases = ReturnType<typeof createLeases>;

export function createLeases(key: () => Promise<CryptoKey>) {
  const mac = async (purpose: string, { tenant, id }: JobRef, nonce: string) => {
    const text = new TextEncoder().encode(JSON.stringify([purpose, tenant, id, nonce]));
    return toBase64url(new Uint8Array(await crypto.subtle.sign("HMAC", await key(), text)));
  };
  return {
    of: (job: JobRef, nonce: string): Promise<string> => mac("lease", job, nonce),
    /** Signature of an address that loads a payload, valid as long as the lease. */
    forPayload: (job: JobRef, nonce: string): Promise<string> => mac("payload", job, nonce),
    /** Signature of an address that stores a result, valid as long as the lease. */
    forResult: (job: JobRef, nonce: string): Promise<string> => mac("result", job, nonce),
  };
}

/** Why a call about a job is refused. */
export interface WorkRefusal {
  ok: false;
  code: Extract<
    Code,
    "pull-id-reused" | "lease-lost" | "ended" | "not-found" | "already-settled" | "invalid" | "too-large" | "conflict" | "gone" | "uncertain"
  >;
  detail: string;
  state: JobState | null;
  errors?: readonly { path: string; message: string }[];
  /** When an uncertain effect was begun. Milliseconds. */
  since?: number;
}

export function workRefusal(code: WorkRefusal["code"], detail: string, state: JobState | null = null): WorkRefusal {
  return { ok: false, code, detail, state };
}

/** The refusal of a call whose lease is no longer the job's. */
export function leaseLost(state: JobState | null = null): WorkRefusal {
  return workRefusal("lease-lost", "The lease has ended: another worker has the job, or it waits for one. Stop, and do not try again.", state);
}

export function noSuchJob(): WorkRefusal {
  return workRefusal("not-found", "There is no such job, or it is no longer kept.");
}

/** The relation of a job's row to a lease. */
type LeaseStanding = "held" | "shelved" | "released" | "settled" | "ended" | "lost";

/**
 * `held`: the lease is the job's, expired or not. `shelved`: the job is offered again, no other worker took it, and the row still has the lease.
 * `released`: likewise, but its worker gave it back and does not get it again under this lease.
 * `settled`: it was settled under this lease. `ended`: it ended under this lease, and not by its worker. `lost`: the row has another lease, or none.
 */
export async function standingOf(leases: Leases, job: HeldJob, lease: string): Promise<LeaseStanding> {
  const isOurs = job.lease !== null && equalTexts(await leases.of(job, job.lease), lease);
  if (!isOurs) return "lost";
  if (job.settled !== null) return "settled";
  if (job.state === "running") return "held";
  if (job.ended !== null) return "ended";
  if (job.state !== "queued" || job.gate === null) return "lost";
  return job.worker === null ? "released" : "shelved";
}

export function isPaused(pauses: readonly Pause[], { tenant, type }: Shelf, queues: readonly string[]): boolean {
  return pauses.some((pause) => {
    const isHere = pause.tenant === "*" || pause.tenant === tenant;
    const names = { type: [type], tenant: [tenant], queue: queues };
    return isHere && names[pause.scope].includes(pause.name);
  });
}

/** The time after which the lease cannot be extended. Milliseconds. */
export function leaseDeadline(job: Pick<HeldJob, "taken">, timeoutSeconds: number): number {
  return (job.taken ?? 0) + timeoutSeconds * 1000;
}
