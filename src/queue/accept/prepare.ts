import { withCommas } from "../../decimal";
import { daySeconds } from "../../time/day";
import type { Issue } from "../../errors";
import { fingerprint } from "../../json/canonical";
import type { Engine } from "../engine";
import { fitsMessage, type Envelope } from "../envelope";
import type { Contract } from "../job";
import { checkJson } from "../../json/json";
import type { NewJob } from "../ports/intake-ledger";
import { acceptedAt } from "../placement";
import type { Prepared } from "./prepared";
import { redactedReason } from "../../masking/redact";
import { invalid, overloaded, unavailable, unknownType } from "./receipts";
import { checkPayload } from "../registry";
import type { EnqueueRequest, Refused } from "../request";
import { isFull } from "../send/send";
import { below } from "../validate";

/** A delay may be this long: 366 days, in seconds. */
export const maxDelaySeconds = 366 * daySeconds;
export const delayRule = `must be whole seconds from 0 to ${withCommas(maxDelaySeconds)} (366 days)`;

interface PrepareOptions {
  /** What a child's id derives from. */
  derivedFrom?: { parts: readonly string[]; parent: string };
  /** A row with its key exists: a full queue does not refuse it. */
  isRepeat?: boolean;
}

/** Validates a request and gives it its id; large payloads go to the payload store here. */
export async function prepare(engine: Engine, request: EnqueueRequest, { derivedFrom, isRepeat = false }: PrepareOptions = {}): Promise<Prepared | Refused> {
  const contract = engine.registry.find(request.type)?.contract;
  const isOurs = derivedFrom !== undefined || request.internal === true;
  if (!contract || (contract.internal && !isOurs)) return unknownType(engine, request.type);
  const now = engine.now();
  const issues = [...checkJson(request.payload).map(belowPayload), ...checkTimes(request, now), ...checkKey(request.key)];
  if (issues.length > 0) return invalid(issues);
  const checked = checkPayload(contract, request.payload, isOurs ? contract.payload : contract.senderPayload);
  if (!checked.ok) return invalid(checked.issues);
  const queue = contract.route(checked.payload);
  if (!isRepeat && isFull(engine, queue)) return overloaded(queue);
  const parts = derivedFrom?.parts ?? keyParts(contract, request);
  const id = parts ? await engine.ids.derive(request.tenant, parts) : await engine.ids.make(request.tenant, now);
  const stored = await storePayload(engine, request.tenant, id, JSON.stringify(checked.payload));
  if ("ok" in stored) return stored;
  const fp = parts && !derivedFrom ? await fingerprintOf(request, checked.payload) : undefined;
  const envelope = newEnvelope({ request, contract, id, queue, stored, fp, parent: derivedFrom?.parent, now });
  return {
    id,
    contract,
    envelope,
    row: newRow(engine, contract, envelope, checked.payload, now),
    keyed: parts !== undefined,
    formerId: await formerIdOf(engine, contract, request),
    revives: request.revive !== false && derivedFrom === undefined,
    failed: request.failed,
    delaySeconds: Math.ceil(((envelope.due ?? now) - now) / 1000),
  };
}

interface EnvelopeParts {
  request: EnqueueRequest;
  contract: Contract;
  id: string;
  queue: string;
  stored: { payload: string } | { ref: string };
  /** The fingerprint of the payload of a keyed job. */
  fp: string | undefined;
  parent: string | undefined;
  now: number;
}

/** The first message of a job. Empty fields are left out. */
function newEnvelope({ request, contract, id, queue, stored, fp, parent, now }: EnvelopeParts): Envelope {
  const due = request.runAt ?? (request.delaySeconds ? now + request.delaySeconds * 1000 : null);
  return {
    v: 1,
    id,
    seq: 0,
    type: contract.type,
    version: contract.version,
    tenant: request.tenant,
    queue,
    at: now,
    ...stored,
    ...(fp === undefined ? {} : { fp }),
    ...(parent === undefined ? {} : { parent }),
    ...(request.trace === undefined ? {} : { trace: request.trace }),
    ...(request.dryRun ? { dry: true } : {}),
    ...(request.attemptsMade ? { made: request.attemptsMade } : {}),
    ...(due !== null && due > now ? { due } : {}),
  };
}

/** The ids that a keyed request has, or had before own keys were kept apart; none without a key. */
export async function idsOf(engine: Engine, request: EnqueueRequest): Promise<string[]> {
  const contract = engine.registry.find(request.type)?.contract;
  const parts = contract && keyParts(contract, request);
  if (!contract || !parts) return [];
  const formerId = await formerIdOf(engine, contract, request);
  return [await engine.ids.derive(request.tenant, parts), ...(formerId === undefined ? [] : [formerId])];
}

async function formerIdOf(engine: Engine, contract: Contract, { tenant, formerKey }: EnqueueRequest): Promise<string | undefined> {
  return formerKey === undefined ? undefined : engine.ids.derive(tenant, [firstName(contract), formerKey]);
}

/** The name under which keys are derived: renaming a type must not turn the same key into another job. The oldest alias stands first. */
export function firstName(contract: Contract): string {
  return contract.aliases[0] ?? contract.type;
}

/** The parts an id derives from: two for a sender's key, three or more for one of the product's own, so that they can never be equal. */
function keyParts(contract: Contract, { key, own }: EnqueueRequest): readonly string[] | undefined {
  if (own) return ownParts(contract, own);
  return key === undefined ? undefined : [firstName(contract), key];
}

/** What the id of a job under one of our own keys derives from. */
export function ownParts(contract: Contract, own: readonly string[]): readonly string[] {
  return ["own", firstName(contract), ...own];
}

/** The row of an envelope, as enqueue and the consumer (for jobs that the ledger does not have) write it. `payload` null: not at hand. */
export function newRow(engine: Engine, contract: Contract, envelope: Envelope, payload: unknown, now: number): NewJob {
  const { due, sent, wake } = acceptedAt(envelope.at, envelope.due ?? null, now);
  const site = typeof payload === "object" && payload !== null && "siteId" in payload ? payload.siteId : null;
  return {
    tenant: envelope.tenant,
    id: envelope.id,
    type: contract.type,
    version: envelope.version,
    queue: envelope.queue,
    seq: envelope.seq,
    at: envelope.at,
    due,
    sent,
    wake,
    boot: engine.boot,
    payload: envelope.payload ?? null,
    ref: envelope.ref ?? null,
    fp: envelope.fp ?? null,
    parent: envelope.parent ?? null,
    trace: envelope.trace ?? null,
    site: typeof site === "string" ? site : null,
    entities: payload === null ? [] : entitiesOf(contract, payload),
    dry: envelope.dry ?? false,
    maxAttempts: contract.policy.maxAttempts,
    attempt: Math.min(envelope.made ?? 0, contract.policy.maxAttempts - 1),
  };
}

/** No keys when the payload does not fit its type: the run reports that, without an effect on other jobs of the batch. */
function entitiesOf(contract: Contract, payload: unknown): readonly string[] {
  try {
    return contract.entities(payload).slice(0, 10);
  } catch {
    return [];
  }
}

/** Differs between a dry run and a real run of the same payload. */
function fingerprintOf({ dryRun, fingerprintOf: source }: EnqueueRequest, payload: unknown): Promise<string> {
  const content = source ?? payload;
  return fingerprint(dryRun ? { dryRun: true, payload: content } : content);
}

async function storePayload(engine: Engine, tenant: string, id: string, text: string): Promise<{ payload: string } | { ref: string } | Refused> {
  if (fitsMessage(text)) return { payload: text };
  try {
    return { ref: await engine.payloads.put(tenant, id, text) };
  } catch (thrown) {
    engine.emit({ event: "trouble", where: "payloads", reason: redactedReason(thrown), tenant });
    return unavailable();
  }
}

function belowPayload({ path, message }: Issue): Issue {
  return { path: below("payload", path), message };
}

function checkTimes(request: EnqueueRequest, now: number): Issue[] {
  const { delaySeconds, runAt } = request;
  if (delaySeconds !== undefined && runAt !== undefined) return [{ path: "runAt", message: "give delaySeconds or runAt, not both" }];
  if (delaySeconds !== undefined && !(Number.isInteger(delaySeconds) && delaySeconds >= 0 && delaySeconds <= maxDelaySeconds)) {
    return [{ path: "delaySeconds", message: delayRule }];
  }
  if (runAt !== undefined && !(Number.isFinite(runAt) && runAt <= now + maxDelaySeconds * 1000)) {
    return [{ path: "runAt", message: "must be a time at most 366 days from now" }];
  }
  return [];
}

function checkKey(key: string | undefined): Issue[] {
  const fits = key === undefined || (key.length >= 1 && key.length <= 256 && key.isWellFormed());
  return fits ? [] : [{ path: "idempotencyKey", message: "must have 1 to 256 characters" }];
}
