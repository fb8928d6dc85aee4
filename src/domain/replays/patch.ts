import { isRecord } from "../../json/record";
import type { Replayable, ReplayableContent } from "../../ledger/replayable";
import { fitsMessage, maxInlineBytes } from "../../queue/envelope";
import type { Contract } from "../../queue/job";
import { checkPayload, type Registry, upgraded } from "../../queue/registry";
import type { Candidate } from "./walk";

/** Jobs and bytes of payload read at once. */
const maxAtOnce = 50;
const maxBytes = 1_500_000;

export interface PatchDeps {
  replayable: Replayable;
  registry: Pick<Registry, "find">;
  /** JSON text of a payload that lies in the payload store; null when it is gone. */
  loadPayload(ref: string): Promise<string | null>;
}

type Patched = { id: string; ok: true; payload: string; version: number } | { id: string; ok: false; reason: string };

/** Each payload after the patch, valid, and only when no effect of the job is in doubt: a new revision would do it again. */
export async function patchedAll(deps: PatchDeps, tenant: string, candidates: readonly Candidate[], patch: Record<string, unknown>): Promise<Patched[]> {
  const all: Patched[] = [];
  for (const group of inGroups(candidates, ({ bytes }) => bytes)) {
    const ids = group.map(({ id }) => id);
    const contents = new Map((await deps.replayable.contents(tenant, ids)).map((content) => [content.id, content]));
    // One by one: payloads in the store are large.
    for (const id of ids) all.push({ id, ...(await patched(deps, contents.get(id), patch)) });
  }
  return all;
}

/** Groups of items that are read or written together. */
export function inGroups<Item>(items: readonly Item[], bytesOf: (item: Item) => number, max: number = maxAtOnce): Item[][] {
  const groups: Item[][] = [];
  let bytes = 0;
  for (const item of items) {
    const last = groups.at(-1);
    bytes += bytesOf(item);
    if (last && last.length < max && bytes <= maxBytes) last.push(item);
    else {
      groups.push([item]);
      bytes = bytesOf(item);
    }
  }
  return groups;
}

type PatchResult = { ok: true; payload: string; version: number } | { ok: false; reason: string };

async function patched(deps: PatchDeps, job: ReplayableContent | undefined, patch: Record<string, unknown>): Promise<PatchResult> {
  if (!job) return refuse("it is no dead letter");
  const contract = deps.registry.find(job.type)?.contract;
  if (!contract) return refuse("its type is unknown to this deployment");
  if (job.doubtful !== null) return refuse(`its effect "${job.doubtful}" may have happened: replay it unpatched or not at all`);
  if (job.doubt > 0) return refuse("a call of its last run is without an answer and may have happened: replay it unpatched or not at all");
  const before = await payloadOf(deps, job);
  if (before === undefined) return refuse("its payload cannot be read");
  const checked = checkPayload(contract, merged(upgradedOr(contract, before, job.version), patch));
  if (!checked.ok) return refuse(checked.issues.map(({ path, message }) => `${path}: ${message}`).join("; "));
  const payload = JSON.stringify(checked.payload);
  if (!fitsMessage(payload)) return refuse(`its payload is larger than ${maxInlineBytes} bytes and cannot be patched`);
  return { ok: true, payload, version: contract.version };
}

function refuse(reason: string): PatchResult {
  return { ok: false, reason: reason.slice(0, 500) };
}

async function payloadOf(deps: PatchDeps, { payload, ref }: ReplayableContent): Promise<unknown> {
  const text = payload ?? (ref === null ? null : await deps.loadPayload(ref));
  if (text === null) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    // A body that never was an envelope is reported as unreadable.
    return undefined;
  }
}

function upgradedOr(contract: Contract, payload: unknown, version: number): unknown {
  try {
    return upgraded(contract, payload, version);
  } catch {
    // It does not fit the present version by itself; perhaps the patch makes it fit.
    return payload;
  }
}

/** JSON Merge Patch, RFC 7396. */
function merged(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const result: Record<string, unknown> = isRecord(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = merged(result[name], value);
  }
  return result;
}
