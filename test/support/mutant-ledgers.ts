// Used by the mutants: ledgers that change what goes in or comes out.
import { env } from "cloudflare:workers";
import type { JobRef } from "../../src/queue/ports/job-row";
import type { Ledger } from "../../src/queue/ports/ledger";
import type { Lease, Settled, Transition } from "../../src/queue/ports/run-ledger";

export function shareLease(ledger: Ledger): Ledger {
  const token = "shared";
  const shared = (lease: Lease) => ({ ...lease, token });
  return {
    ...ledger,
    claim: (refs, lease, options) => ledger.claim(refs, shared(lease), options),
    claimAlone: (ref, lease) => ledger.claimAlone(ref, shared(lease)),
    release: (refs) => ledger.release(refs, token),
    settle: (transitions, _, now) => ledger.settle(transitions, token, now),
    heartbeat: (runs) => ledger.heartbeat(runs, token),
    recordEffect: (ref, effect, own) => ledger.recordEffect(ref, effect, own && token),
  };
}

export function changeSettled(ledger: Ledger, change: (transition: Transition) => Transition): Ledger {
  return { ...ledger, settle: (transitions, token, now) => ledger.settle(transitions.map(change), token, now) };
}

export function asSettled({ tenant, id, state, seq, bump }: Transition): Settled {
  return { tenant, id, state, seq: seq + bump };
}

export async function leasesOf(transitions: readonly Transition[]): Promise<{ transition: Transition; lease: string | undefined }[]> {
  const rows = await storedRows(transitions);
  return transitions.map((transition) => ({ transition, lease: rows.get(transition.id)?.lease ?? undefined }));
}

export async function storedRows(refs: readonly JobRef[]): Promise<Map<string, { id: string; seq: number; lease: string | null }>> {
  const ids = JSON.stringify(refs.map(({ id }) => id));
  const sql = "SELECT id, seq, lease FROM jobs WHERE id IN (SELECT value FROM json_each(?))";
  const { results } = await env.DB.prepare(sql).bind(ids).all<{ id: string; seq: number; lease: string | null }>();
  return new Map(results.map((row) => [row.id, row]));
}
