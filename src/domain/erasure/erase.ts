import type { Engine, PayloadStore } from "../../queue/engine";
import type { MailEventStore } from "../mail-events/store";
import type { MediaDeps } from "../media/capability";
import type { HashAddress } from "../suppressions/model";
import type { SuppressionStore } from "../suppressions/store";
import { nextMentions, removeRuns } from "../agents/erase";
import { eraseNextRecipients } from "../campaigns/erase";
import type { CampaignObjects } from "../campaigns/objects";
import { eraseAbout, type FactPlace, nextFacts, removeFacts, type RecordedFact } from "../events/erase";
import { removeParts } from "../leads/erase";
import { mayName, mentionsPerson, prefiltersFor } from "./person-matcher";
import { isFullNumber, keysOf, nationalKey, phoneKeys } from "./person";
import { eraseMediaAbout, eraseNextMentions } from "../media/erase";
import { holdersOf, openHolders, eraseData } from "../../ledger/erase";
import { type JobTexts, nextTexts } from "../../ledger/mentions";
import { cancel } from "../../queue/operate";
import type { Erased, ErasurePlan, ErasureRequest, PersonKey } from "./model";
import { type ErasureScope, erasureScope } from "./scope";

/** Rows that one call examines, and objects that it reads. */
const maxRows = 100_000;
const maxObjects = 100;
/** Bytes of campaigns' lists that one call reads; a longer list is read whole. */
const maxBytes = 64 * 1024 * 1024;
/** Leads in a plan. */
const maxPlanned = 200;

export interface ErasureDeps {
  db: D1Database;
  engine: Engine;
  payloads: PayloadStore & { remove(keys: readonly string[]): Promise<void>; removeAll(tenant: string, id: string): Promise<void> };
  media: MediaDeps;
  campaigns: CampaignObjects;
  mailEvents: Pick<MailEventStore, "erase">;
  suppressions: Pick<SuppressionStore, "erase">;
  hashAddress: HashAddress;
  /** Countries of the tenant's projects, by which a number without a country code is read. */
  countriesOf(tenant: string): Promise<string[]>;
}

interface Walk {
  deps: ErasureDeps;
  tenant: string;
  scope: ErasureScope;
  counts: { facts: number; jobs: number; payloads: number; media: number; altTexts: number; mail: number; running: number };
  rows: number;
  objects: number;
}

/**
 * Erases the jobs first, so that none restores deleted data. The rows that link the person's data are deleted last:
 * after an early end or a failure they lead to the rest.
 */
export async function erasePerson(deps: ErasureDeps, tenant: string, { cursor = "j", ...request }: ErasureRequest): Promise<Erased> {
  const scope = await scopeIn(deps, tenant, request);
  const counts = { facts: 0, jobs: 0, payloads: 0, media: 0, altTexts: 0, mail: 0, running: 0 };
  const walk: Walk = { deps, tenant, scope, counts, rows: maxRows, objects: maxObjects };
  await forget(walk, scope.submissions, scope.entities);
  counts.media += await eraseMediaAbout(deps.media, tenant, scope.entities);
  const next = await walkOn(walk, cursor);
  if (next !== null || walk.counts.running > 0) return { leads: 0, submissions: 0, ...walk.counts, complete: false, cursor: next };
  walk.counts.facts += await eraseAbout(deps.db, tenant, scope);
  walk.counts.mail += await eraseMail(deps, tenant, scope.keys);
  return { ...(await removeParts(deps.db, tenant, scope.leads)), ...walk.counts, complete: true, cursor: null };
}

/** What an erasure would delete; changes nothing. */
export async function planErasure(deps: ErasureDeps, tenant: string, request: ErasureRequest): Promise<ErasurePlan> {
  const scope = await scopeIn(deps, tenant, request);
  const jobs = await holdersOf(deps.db, tenant, { ids: scope.submissions, entities: scope.entities });
  const leads = scope.leads.slice(0, maxPlanned).map(({ lead, isWhole, submissions }) => {
    return { id: lead, whole: isWhole, submissions: submissions.length, tiedBy: readable(scope.tiedBy.get(lead) ?? []) };
  });
  const counts = { leads: scope.leads.filter(({ isWhole }) => isWhole).length, submissions: scope.submissions.length, jobs: jobs.length };
  return { plan: true, counts, leads, more: scope.leads.length > maxPlanned, keys: readable(scope.keys), notFollowed: readable(scope.notFollowed) };
}

async function scopeIn({ db, countriesOf }: ErasureDeps, tenant: string, { together, ...person }: ErasureRequest): Promise<ErasureScope> {
  const countries = await countriesOf(tenant);
  return erasureScope(db, tenant, { given: keysOf(person, countries), countries, together: together ?? false });
}

/** A number that is listed with its country code is not listed again without it. */
function readable(keys: readonly string[]): PersonKey[] {
  const fullNumbers = new Set(keys.filter(isFullNumber).map(nationalKey));
  return keys.filter((key) => !fullNumbers.has(key)).map((key) => ({ kind: key.startsWith("e:") ? "email" : "phone", value: key.slice(2) }));
}

/** Deletes mail events of the person. Suppressions stay as hashes: without them the next list would mail the person again. */
async function eraseMail({ mailEvents, suppressions }: ErasureDeps, tenant: string, keys: readonly string[]): Promise<number> {
  const addresses = addressesIn(keys);
  return (await mailEvents.erase(tenant, addresses)) + (await suppressions.erase(tenant, addresses));
}

function addressesIn(keys: readonly string[]): string[] {
  return keys.flatMap((key) => (key.startsWith("e:") ? [key.slice(2)] : []));
}

/** Cancels these jobs and their children, and erases their data. */
async function forget({ deps: { db, engine, payloads }, tenant, counts }: Walk, ids: readonly string[], entities: readonly string[]): Promise<void> {
  const holders = await holdersOf(db, tenant, { ids, entities });
  const ended = await Promise.all(openHolders(holders).map(({ id }) => cancel(engine, { tenant, id })));
  const { jobs, refs } = await eraseData(db, tenant, holders);
  await payloads.remove(refs);
  await removeRuns(db, payloads, tenant, [...new Set([...ids, ...holders.map(({ id }) => id)])]);
  counts.jobs += jobs;
  counts.payloads += refs.length;
  counts.running += ended.filter((each) => each?.flagged).length;
}

/** Walks over all jobs by id, then all facts, pictures, agent runs and campaign lists: any of them may name the person. Null: the walk is complete. */
async function walkOn(walk: Walk, cursor: string): Promise<string | null> {
  const campaign = /^c[0-9a-z]*$/.test(cursor) ? cursor.slice(1) : null;
  const next = campaign === null ? await walkJobsAndPictures(walk, cursor) : null;
  if (next !== null) return next;
  const last = await walkCampaigns(walk, campaign ?? "");
  return last === null ? null : `c${last}`;
}

async function walkJobsAndPictures(walk: Walk, cursor: string): Promise<string | null> {
  const run = /^a[0-9a-z]*$/.test(cursor) ? cursor.slice(1) : null;
  const picture = pictureIn(cursor);
  const next = run === null && picture === null ? await walkTexts(walk, cursor) : null;
  if (next !== null) return next;
  const key = run === null ? await walkPictures(walk, picture ?? "") : null;
  if (key !== null) return `m${encodeURIComponent(key)}`;
  const job = await walkRuns(walk, run ?? "");
  return job === null ? null : `a${job}`;
}

async function walkCampaigns({ deps: { db, hashAddress, campaigns: objects }, tenant, scope, counts }: Walk, from: string): Promise<string | null> {
  const keys = new Set(scope.keys);
  const hashes = (await Promise.all(addressesIn(scope.keys).map((each) => hashAddress(tenant, each)))).filter((each) => each !== undefined);
  const person = { hashes, mayName: mayName(scope.keys), names: (text: string) => mentionsPerson(keys, text) };
  for (let after = from, bytes = maxBytes; ;) {
    const { erased, read, last } = await eraseNextRecipients({ db, objects }, tenant, after, person, bytes);
    counts.mail += erased;
    bytes -= read;
    if (last === null || bytes <= 0) return last;
    after = last;
  }
}

/** Deletes runs that name the person, and erases the data of their jobs. */
async function walkRuns(walk: Walk, from: string): Promise<string | null> {
  const { deps, tenant, scope } = walk;
  const keys = new Set(scope.keys);
  for (let after = from; ;) {
    const { jobs, looked, last } = await nextMentions(deps.db, deps.payloads, tenant, after, (text) => mentionsPerson(keys, text));
    walk.rows -= looked;
    if (jobs.length > 0) await forget(walk, jobs, []);
    if (last === null || walk.rows <= 0) return last;
    after = last;
  }
}

async function walkTexts(walk: Walk, cursor: string): Promise<string | null> {
  const place = factPlaceIn(cursor);
  const job = place ? null : await walkJobs(walk, /^j[0-9a-z]*$/.test(cursor) ? cursor.slice(1) : "");
  if (job !== null) return `j${job}`;
  const fact = await walkFacts(walk, place ?? ["", 0, ""]);
  return fact === null ? null : `f${encodeURIComponent(JSON.stringify(fact))}`;
}

async function walkJobs(walk: Walk, from: string): Promise<string | null> {
  const keys = new Set(walk.scope.keys);
  const prefilters = prefiltersFor(walk.scope.keys);
  for (let after = from; ;) {
    const { found: jobs, looked, last } = await nextTexts(walk.deps.db, walk.tenant, after, prefilters);
    walk.rows -= looked;
    const named: string[] = [];
    for (const job of jobs) if (await names(walk, keys, job)) named.push(job.id);
    if (named.length > 0) await forget(walk, named, []);
    if (last === null) return null;
    after = last;
    if (walk.rows <= 0 || walk.objects <= 0) return after;
  }
}

async function names(walk: Walk, keys: ReadonlySet<string>, { ref, resultRef, payload, result, cursor, progress, reason }: JobTexts): Promise<boolean> {
  if ([payload, result, cursor, progress, reason].some((text) => mentionsPerson(keys, text))) return true;
  for (const key of [ref, resultRef].filter((each) => each !== null)) {
    walk.objects--;
    if (mentionsPerson(keys, await walk.deps.payloads.get(key))) return true;
  }
  return false;
}

async function walkFacts(walk: Walk, from: FactPlace): Promise<FactPlace | null> {
  const { keys, entities, countries } = walk.scope;
  const sought = new Set(keys);
  const own = new Set(entities);
  for (let after = from; ;) {
    const { facts, looked, last } = await nextFacts(walk.deps.db, walk.tenant, after, prefiltersFor(keys));
    walk.rows -= looked;
    // Facts that link the person's data are deleted at the end.
    const ties = ({ email, phone }: RecordedFact) => sought.has(`e:${email}`) || phoneKeys(phone, countries).some((key) => sought.has(key));
    const other = facts.filter((fact) => !own.has(fact.entity.replace(/^crm /, "")) && !ties(fact));
    walk.counts.facts += await removeFacts(
      walk.deps.db,
      walk.tenant,
      other.filter(({ data }) => mentionsPerson(sought, data)),
    );
    if (last === null) return null;
    after = last;
    if (walk.rows <= 0) return after;
  }
}

async function walkPictures({ deps, tenant, scope, counts, ...walk }: Walk, from: string): Promise<string | null> {
  const keys = new Set(scope.keys);
  for (let after = from, rows = walk.rows; ;) {
    const { media, altTexts, looked, last } = await eraseNextMentions(deps.media, tenant, after, (text) => mentionsPerson(keys, text));
    counts.media += media;
    counts.altTexts += altTexts;
    rows -= looked;
    if (last === null || rows <= 0) return last;
    after = last;
  }
}

/** The picture after which the walk continues; null: it is in another part. */
function pictureIn(cursor: string): string | null {
  if (!cursor.startsWith("m")) return null;
  try {
    return decodeURIComponent(cursor.slice(1));
  } catch {
    return null;
  }
}

/** Null: the walk is among the jobs, or the cursor is invalid and the walk starts again. */
function factPlaceIn(cursor: string): FactPlace | null {
  if (!cursor.startsWith("f")) return null;
  try {
    const [entity, at, event] = JSON.parse(decodeURIComponent(cursor.slice(1))) as unknown[];
    return [String(entity), Number(at), String(event)];
  } catch {
    return null;
  }
}
