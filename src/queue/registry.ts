import * as v from "valibot";
import type { Issue } from "../errors";
import type { Envelope } from "./envelope";
import type { Contract, Job } from "./job";
import { below, check } from "./validate";

export interface Registry {
  /** The job of a type or of one of its aliases. */
  find(type: string): Job | undefined;
  contracts(): readonly Contract[];
}

/** Throws when two jobs claim the same type or alias: better at start than by a message. */
export function createRegistry(jobs: readonly Job[]): Registry {
  const byName = new Map<string, Job>();
  for (const job of jobs) {
    for (const name of [job.contract.type, ...job.contract.aliases]) {
      if (byName.has(name)) throw new Error(`Two jobs are named "${name}": types and aliases must be unique`);
      byName.set(name, job);
    }
  }
  return { find: (type) => byName.get(type), contracts: () => jobs.map((job) => job.contract) };
}

type CheckedPayload = { ok: true; payload: unknown } | { ok: false; issues: Issue[] };

/** Validates a payload against a contract, or against what senders may give of it; every issue has its path below `payload`. */
export function checkPayload(contract: Contract, payload: unknown, schema: Contract["senderPayload"] = contract.payload): CheckedPayload {
  const checked = check(schema, payload);
  if (checked.ok) return { ok: true, payload: checked.value };
  return { ok: false, issues: checked.issues.map(({ path, message }) => ({ path: below("payload", path), message })) };
}

/** Whether this deployment can read that version of a type's payload. */
export function readable(contract: Contract, version: number): boolean {
  return version === contract.version || (version < contract.version && contract.upgrade !== undefined);
}

/** Brings a stored payload to the contract's present shape. Throws when it does not fit: a discard, since no later try can differ. */
export function upgraded(contract: Contract, payload: unknown, version: number): unknown {
  if (version === contract.version || contract.upgrade === undefined) return payload;
  const result = v.safeParse(contract.payload, contract.upgrade(payload, version));
  if (result.success) return result.output;
  throw new Error(`payload of version ${version} does not fit version ${contract.version}: ${result.issues.map(describe).join("; ")}`);
}

/** The payload of an envelope in the contract's present shape; null when it lies elsewhere or cannot be read (the run reports it). */
export function payloadOf(contract: Contract, envelope: Envelope): unknown {
  if (envelope.payload === undefined) return null;
  try {
    return upgraded(contract, JSON.parse(envelope.payload), envelope.version);
  } catch {
    // Only its searchable names are lost here; the run discards it with the reason.
    return null;
  }
}

function describe(issue: v.BaseIssue<unknown>): string {
  return `${v.getDotPath(issue) ?? "payload"} (expected ${issue.expected ?? "another value"})`;
}
