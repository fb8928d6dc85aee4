import { firstIssues, type Issue, issueSummary } from "../../errors";
import type { Engine } from "../engine";
import type { Receipt, Refused } from "../request";
import type { Prepared } from "./prepared";

/** What each sender is answered. */
export type Receipts = Map<Prepared, Receipt>;

/** Taken by a queue or the ledger. `replayed`: its key named this job before. */
export function accepted(each: Prepared, replayed: boolean) {
  return { ok: true, id: each.id, type: each.contract.type, state: "queued", replayed } as const;
}

export function invalid(errors: readonly Issue[]): Refused {
  return { ok: false, code: "invalid", detail: issueSummary(errors), errors: firstIssues(errors) };
}

export function unknownType(engine: Engine, type: string): Refused {
  const types = engine.registry
    .contracts()
    .filter((contract) => !contract.internal)
    .map((contract) => contract.type)
    .sort()
    .join(", ");
  return invalid([{ path: "type", message: `there is no type "${type.slice(0, 64)}"; known types: ${types}` }]);
}

export function mismatch(): Refused {
  const detail = "This idempotency key was used before with another payload; send the same payload or take another key.";
  return { ok: false, code: "idempotency-mismatch", detail, errors: [{ path: "idempotencyKey", message: "belongs to another payload" }] };
}

export function overloaded(queue: string): Refused {
  return tooManyRequests(`queue ${queue} has more jobs waiting than it may hold`, 30);
}

export function tooManyRequests(detail: string, retryAfter: number): Refused {
  return { ok: false, code: "too-many-requests", detail, errors: [], retryAfter };
}

/** The key's job is flagged for cancel and still runs: accepted now, it would be cancelled too. */
export function ending(): Refused {
  const detail = "The job under this key is being cancelled; send it again in some seconds, and it runs once more.";
  return { ok: false, code: "unavailable", detail, errors: [], retryAfter: 5 };
}

export function unavailable(): Refused {
  return { ok: false, code: "unavailable", detail: "Neither the queue nor the ledger took the job; it is safe to send it again.", errors: [], retryAfter: 5 };
}
