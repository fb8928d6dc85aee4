import { messageOf, type Issue } from "../errors";
import { fingerprint } from "./canonical";
import type { Engine } from "./engine";
import { inlineLimit, type Envelope } from "./envelope";
import { checkJson } from "./json";
import type { Contract } from "./job";
import type { KnownJob, NewJob } from "./ledger";
import { checkPayload } from "./registry";
import type { EnqueueRequest, Receipt, Refused } from "./request";
import { knownBacklog, send, type Sendable } from "./send";
import { isTerminal } from "./state";
import { longestRide, sweepAfter } from "./transition";

/** A delay may be this long: 366 days, in seconds. */
const longestWait = 366 * 24 * 3600;

/** One job, validated and named, before anything was written or sent. */
export interface Prepared {
  id: string;
  contract: Contract;
  envelope: Envelope;
  row: NewJob;
  keyed: boolean;
  delaySeconds: number;
}

/**
 * Accepts many jobs, one receipt each in their order. Accepted means that a queue took it or the ledger holds it.
 * Never throws for what a sender can cause.
 */
export async function enqueue(engine: Engine, requests: readonly EnqueueRequest[]): Promise<Receipt[]> {
  const busy = await refusedByQuota(engine, requests);
  const prepared = await Promise.all(requests.map((request) => busy.get(request.tenant) ?? prepare(engine, request)));
  const fine = prepared.filter((each) => "envelope" in each);
  const receipts = new Map<Prepared, Receipt>();
  await Promise.all([
    acceptKeyed(engine, fine.filter((each) => each.keyed), receipts),
    acceptUnkeyed(engine, fine.filter((each) => !each.keyed), receipts),
  ]);
  announce(engine, receipts);
  return prepared.map((each) => ("envelope" in each ? (receipts.get(each) ?? unavailable()) : each));
}

/** One event per tenant and type, for the counters. */
function announce(engine: Engine, receipts: ReadonlyMap<Prepared, Receipt>): void {
  const fresh = [...receipts].filter(([, receipt]) => receipt.ok && !receipt.replayed).map(([{ envelope }]) => envelope);
  for (const group of Map.groupBy(fresh, ({ tenant, type }) => `${tenant}/${type}`).values()) {
    const [first] = group;
    if (first) engine.emit({ event: "enqueued", tenant: first.tenant, type: first.type, count: group.length });
  }
}

/** Accepts what was prepared elsewhere under a derived id (children). */
export async function accept(engine: Engine, prepared: Prepared): Promise<Receipt> {
  const receipts = new Map<Prepared, Receipt>();
  await acceptKeyed(engine, [prepared], receipts);
  announce(engine, receipts);
  return receipts.get(prepared) ?? unavailable();
}

/** Validates a request and gives it its id; large payloads go to the payload store here. */
export async function prepare(
  engine: Engine,
  request: EnqueueRequest,
  derivedFrom?: { parts: readonly string[]; parent: string },
): Promise<Prepared | Refused> {
  const contract = engine.registry.find(request.type)?.contract;
  if (!contract) return unknownType(engine, request.type);
  const now = engine.now();
  const issues = [...checkJson(request.payload).map(belowPayload), ...checkTimes(request), ...checkKey(request.key)];
  if (issues.length > 0) return invalid(issues);
  const checked = checkPayload(contract, request.payload);
  if (!checked.ok) return invalid(checked.issues);
  const queue = contract.route(checked.payload);
  const backlog = knownBacklog(engine, queue);
  if (backlog !== undefined && backlog >= engine.backlogLimit(queue)) return overloaded(queue, backlog);

  const due = request.runAt ?? (request.delaySeconds ? now + request.delaySeconds * 1000 : null);
  const parts = derivedFrom?.parts ?? (request.key === undefined ? undefined : [contract.type, request.key]);
  const id = parts ? await engine.ids.derive(request.tenant, parts) : await engine.ids.make(request.tenant, now);
  const stored = await storePayload(engine, request.tenant, id, JSON.stringify(checked.payload));
  if ("ok" in stored) return stored;
  const envelope: Envelope = {
    v: 1,
    id,
    seq: 0,
    type: contract.type,
    version: contract.version,
    tenant: request.tenant,
    queue,
    at: now,
    ...stored,
    ...(parts ? { fp: await fingerprint(checked.payload) } : {}),
    ...(derivedFrom ? { parent: derivedFrom.parent } : {}),
    ...(request.dryRun ? { dry: true } : {}),
    ...(due !== null && due > now ? { due } : {}),
  };
  const row = newRow(engine, contract, envelope, checked.payload);
  return { id, contract, envelope, row, keyed: parts !== undefined, delaySeconds: Math.ceil(((envelope.due ?? now) - now) / 1000) };
}

/** The row of an envelope, as enqueue and the consumer (for jobs the ledger never heard of) write it. */
export function newRow(engine: Engine, contract: Contract, envelope: Envelope, payload: unknown): NewJob {
  const now = engine.now();
  const due = envelope.due ?? null;
  const waits = due !== null && due - now > longestRide;
  const site = typeof payload === "object" && payload !== null && "siteId" in payload ? payload.siteId : null;
  return {
    tenant: envelope.tenant,
    id: envelope.id,
    type: envelope.type,
    version: envelope.version,
    queue: envelope.queue,
    seq: envelope.seq,
    at: envelope.at,
    due,
    sent: waits ? null : (due ?? envelope.at),
    wake: waits ? due : wakeOf(envelope, due, now),
    boot: engine.boot,
    payload: envelope.payload ?? null,
    ref: envelope.ref ?? null,
    fp: envelope.fp ?? null,
    parent: envelope.parent ?? null,
    site: typeof site === "string" ? site : null,
    entities: contract.entities(payload).slice(0, 10),
    dry: envelope.dry ?? false,
    maxAttempts: contract.policy.maxAttempts,
  };
}

/** A fresh row is found by the walk over the ids; one that is written late may lie behind the watermark and needs a side row. */
function wakeOf(envelope: Envelope, due: number | null, now: number): number | null {
  if (due !== null) return due + sweepAfter;
  return now - envelope.at > sweepAfter / 2 ? now + sweepAfter : null;
}

/** Queue and ledger side by side; one of them is enough. Delays over 15 minutes need the ledger, or ride along while it is down. */
async function acceptUnkeyed(engine: Engine, all: readonly Prepared[], receipts: Map<Prepared, Receipt>): Promise<void> {
  if (all.length === 0) return;
  const waiting = all.filter((each) => each.row.sent === null);
  const riding = all.filter((each) => each.row.sent !== null);
  const held = (await written(engine, waiting)) ? waiting : [];
  const toSend = [...riding, ...waiting.filter((each) => !held.includes(each))];
  const writing = written(engine, riding);
  const refused = await sendAll(engine, toSend);
  if (engine.ledgerFirst || refused.size > 0) await writing;
  else engine.defer(writing);
  const rowsAreThere = refused.size > 0 ? await markUnsent(engine, [...refused], await writing) : false;
  for (const each of all) {
    const lost = refused.has(each) && !rowsAreThere;
    receipts.set(each, lost ? unavailable() : accepted(each, false));
  }
}

/** The row comes first and decides; with the ledger down the derived id alone does, and the claim rejects another payload later. */
async function acceptKeyed(engine: Engine, all: readonly Prepared[], receipts: Map<Prepared, Receipt>): Promise<void> {
  if (all.length === 0) return;
  const known = await insertKeyed(engine, all);
  const toSend: Prepared[] = [];
  for (const each of all) {
    const row = known?.get(`${each.envelope.tenant}/${each.id}`);
    if (!row) toSend.push(each);
    else if (row.fp !== each.envelope.fp) receipts.set(each, mismatch());
    else {
      receipts.set(each, { ...accepted(each, !row.inserted), state: row.state });
      if (row.state === "dead" || row.state === "discarded") await reviveKeyed(engine, each, receipts);
      else if (needsMessage(row)) toSend.push(each);
    }
  }
  const refused = await sendAll(engine, toSend.filter((each) => each.row.sent !== null || !known));
  const held = known !== undefined && refused.size > 0 ? await markUnsent(engine, [...refused], true) : known !== undefined;
  for (const each of toSend) {
    if (refused.has(each) && !held) receipts.set(each, unavailable());
    else if (!receipts.has(each)) receipts.set(each, accepted(each, false));
  }
}

/** A new row, or one whose sender may have died between row and message: a second copy of the same generation is harmless. */
function needsMessage(row: KnownJob): boolean {
  return row.inserted || (row.state === "queued" && row.seq === 0 && !isTerminal(row.state));
}

async function reviveKeyed(engine: Engine, each: Prepared, receipts: Map<Prepared, Receipt>): Promise<void> {
  const how = { from: ["dead", "discarded"], event: "revived", boot: engine.boot } as const;
  const rows = await engine.ledger.revive([each.row], how, engine.now());
  const refused = await send(engine, rows.map((row) => ({ envelope: { ...each.envelope, seq: row.seq, at: row.at }, delaySeconds: 0 })));
  if (refused.length > 0) await markUnsent(engine, [each], true);
  receipts.set(each, { ...accepted(each, true), state: "queued" });
}

async function insertKeyed(engine: Engine, all: readonly Prepared[]): Promise<Map<string, KnownJob> | undefined> {
  try {
    const rows = await engine.ledger.insertKeyed(all.map((each) => each.row));
    return new Map(rows.map((row) => [`${row.tenant}/${row.id}`, row]));
  } catch (thrown) {
    engine.emit({ event: "trouble", where: "ledger", reason: messageOf(thrown) });
    return undefined;
  }
}

async function sendAll(engine: Engine, all: readonly Prepared[]): Promise<Set<Prepared>> {
  const byEnvelope = new Map(all.map((each) => [each.envelope, each]));
  const items: Sendable[] = all.map(({ envelope, delaySeconds }) => ({ envelope, delaySeconds }));
  const refused = await send(engine, items);
  return new Set(refused.map(({ envelope }) => byEnvelope.get(envelope)).filter((each) => each !== undefined));
}

/** Whether the rows are in the ledger; a failure is an event, not a throw. */
async function written(engine: Engine, all: readonly Prepared[]): Promise<boolean> {
  if (all.length === 0) return true;
  try {
    await engine.ledger.insert(all.map((each) => each.row));
    return true;
  } catch (thrown) {
    engine.emit({ event: "trouble", where: "ledger", reason: messageOf(thrown) });
    return false;
  }
}

async function markUnsent(engine: Engine, all: readonly Prepared[], rowsAreThere: boolean): Promise<boolean> {
  if (!rowsAreThere) return false;
  try {
    await engine.ledger.unsent(all.map((each) => each.row), engine.now());
  } catch (thrown) {
    // The row is there without a mark: the walk over the ids finds it ten minutes later.
    engine.emit({ event: "trouble", where: "ledger", reason: messageOf(thrown) });
  }
  return true;
}

async function storePayload(engine: Engine, tenant: string, id: string, text: string): Promise<{ payload: string } | { ref: string } | Refused> {
  // A character is at most three bytes, so short texts need no counting.
  const bytes = text.length * 3 <= inlineLimit ? 0 : new TextEncoder().encode(text).length;
  if (bytes <= inlineLimit) return { payload: text };
  try {
    return { ref: await engine.payloads.put(tenant, id, text) };
  } catch (thrown) {
    engine.emit({ event: "trouble", where: "payloads", reason: messageOf(thrown), tenant });
    return unavailable();
  }
}

async function refusedByQuota(engine: Engine, requests: readonly EnqueueRequest[]): Promise<Map<string, Refused>> {
  const counts = new Map<string, number>();
  for (const { tenant } of requests) counts.set(tenant, (counts.get(tenant) ?? 0) + 1);
  const refused = new Map<string, Refused>();
  for (const [tenant, count] of counts) {
    const seconds = await engine.quota(tenant, count);
    if (seconds !== null) refused.set(tenant, tooMany("the tenant's quota of jobs per minute is used up", seconds));
  }
  return refused;
}

function belowPayload({ path, message }: Issue): Issue {
  return { path: path === "" ? "payload" : path.startsWith("[") ? `payload${path}` : `payload.${path}`, message };
}

function checkTimes(request: EnqueueRequest): Issue[] {
  const { delaySeconds, runAt } = request;
  if (delaySeconds !== undefined && runAt !== undefined) return [{ path: "runAt", message: "give delaySeconds or runAt, not both" }];
  if (delaySeconds !== undefined && !(Number.isInteger(delaySeconds) && delaySeconds >= 0 && delaySeconds <= longestWait)) {
    return [{ path: "delaySeconds", message: `must be whole seconds from 0 to ${longestWait} (366 days)` }];
  }
  if (runAt !== undefined && !(Number.isFinite(runAt) && runAt <= Date.UTC(9999, 0))) return [{ path: "runAt", message: "must be a date and time" }];
  return [];
}

function checkKey(key: string | undefined): Issue[] {
  const fits = key === undefined || (key.length >= 1 && key.length <= 256 && key.isWellFormed());
  return fits ? [] : [{ path: "idempotencyKey", message: "must have 1 to 256 characters" }];
}

function accepted(each: Prepared, replayed: boolean) {
  return { ok: true, id: each.id, type: each.contract.type, state: "queued", replayed } as const;
}

function invalid(errors: readonly Issue[]): Refused {
  return { ok: false, code: "invalid", detail: errors.map((issue) => `${issue.path}: ${issue.message}`).slice(0, 3).join("; "), errors };
}

function unknownType(engine: Engine, type: string): Refused {
  const known = engine.registry.contracts().map((contract) => contract.type).sort().join(", ");
  return invalid([{ path: "type", message: `there is no type "${type.slice(0, 64)}"; known types: ${known}` }]);
}

function mismatch(): Refused {
  const detail = "This idempotency key was used before with another payload; send the same payload or take another key.";
  return { ok: false, code: "idempotency-mismatch", detail, errors: [{ path: "idempotencyKey", message: "belongs to another payload" }] };
}

function overloaded(queue: string, backlog: number): Refused {
  return tooMany(`queue ${queue} has ${backlog} jobs waiting, more than it may hold`, 30);
}

function tooMany(detail: string, retryAfter: number): Refused {
  return { ok: false, code: "too-many-requests", detail, errors: [], retryAfter };
}

function unavailable(): Refused {
  return { ok: false, code: "unavailable", detail: "Neither the queue nor the ledger took the job; it is safe to send it again.", errors: [], retryAfter: 5 };
}
