import { numbersGiven, personEntities, type PersonEntity } from "../events/erase";
import { leadsAmong, type LeadPart, numbersLike, leadParts, type SubmissionKeys, submissionsNaming } from "../leads/erase";
import { isFullNumber, nationalKey } from "./person";

/** Each round follows addresses and numbers that the previous one found. */
const maxRounds = 10;

/** What an erasure deletes. */
export interface ErasureScope {
  keys: string[];
  countries: readonly string[];
  leads: LeadPart[];
  submissions: string[];
  entities: string[];
  /** By lead: the keys for which it is included. */
  tiedBy: Map<string, string[]>;
  /** Keys beside those of the person that were not followed. */
  notFollowed: string[];
}

interface ScopeRequest {
  /** Keys of the requested address or number. */
  given: readonly string[];
  countries: readonly string[];
  /** Whether to follow further keys that trusted senders linked to these. */
  together: boolean;
}

/**
 * The data that the given keys name, without data that also names another person: a form accepts any address beside any number, so a stranger
 * could link people. With `together`, keys from the tenant's server or events are followed too, never keys that only a browser sent.
 */
export async function erasureScope(db: D1Database, tenant: string, { given, countries, together }: ScopeRequest): Promise<ErasureScope> {
  const chosen = new Set(given);
  for (let round = 1; ; round++) {
    const keys = await withSpellings(db, tenant, chosen, countries);
    const submitted = await submissionsNaming(db, tenant, [...keys], countries);
    const leads = leadParts(submitted, keys);
    const ids = new Set(leads.map(({ lead }) => lead));
    const submissions = submitted.filter(({ lead }) => ids.has(lead));
    const whole = leads.filter(({ isWhole }) => isWhole).map(({ lead }) => lead);
    const things = await personEntities(db, tenant, { keys: [...keys], leads: whole }, countries);
    const named = things.flatMap(({ entity }) => (entity.startsWith("lead:") ? [entity.slice("lead:".length)] : []));
    const ours = new Set((await leadsAmong(db, tenant, named)).map((id) => `lead:${id}`));
    const size = chosen.size;
    if (together && round < maxRounds) for (const key of further(submissions, things, ours, keys)) chosen.add(key);
    if (chosen.size === size) return { ...shaped(submissions, leads, keys), countries, entities: entitiesOf(things, ours, whole, keys) };
  }
}

/**
 * Adds to each number the same number without, or with, its country code. A number without a country code counts as the same as long as the
 * tenant has no other with these national digits.
 */
async function withSpellings(db: D1Database, tenant: string, chosen: ReadonlySet<string>, countries: readonly string[]): Promise<Set<string>> {
  const numbers = [...chosen].filter((key) => key.startsWith("p:"));
  if (numbers.length === 0) return new Set(chosen);
  const stored = [...(await numbersLike(db, tenant, numbers)), ...(await numbersGiven(db, tenant, numbers, countries))];
  const full = Map.groupBy(new Set([...numbers.filter(isFullNumber), ...stored]), nationalKey);
  const alike = numbers.map(nationalKey).flatMap((national) => {
    const [only, other] = full.get(national) ?? [];
    return other === undefined ? [national, ...(only === undefined ? [] : [only])] : [];
  });
  return new Set([...chosen, ...alike]);
}

function further(submissions: readonly SubmissionKeys[], things: readonly PersonEntity[], ours: ReadonlySet<string>, keys: ReadonlySet<string>): string[] {
  const trusted = submissions.filter((each) => each.isTrusted && each.keys.some((key) => keys.has(key)));
  // Facts of our own leads come from forms, so they are not trusted.
  return [...trusted, ...things.filter(({ entity }) => !ours.has(entity))].flatMap((each) => each.keys);
}

/** Entities of which events gave no other key; of our own leads, those that are deleted whole. */
function entitiesOf(things: readonly PersonEntity[], ours: ReadonlySet<string>, whole: readonly string[], keys: ReadonlySet<string>): string[] {
  const deleted = new Set(whole.map((lead) => `lead:${lead}`));
  return things.filter((each) => (ours.has(each.entity) ? deleted.has(each.entity) : each.keys.every((key) => keys.has(key)))).map(({ entity }) => entity);
}

function shaped(submissions: readonly SubmissionKeys[], leads: LeadPart[], keys: ReadonlySet<string>): Omit<ErasureScope, "entities" | "countries"> {
  const byLead = Map.groupBy(submissions, ({ lead }) => lead);
  const keysIn = (lead: string) => [...new Set((byLead.get(lead) ?? []).flatMap((each) => each.keys))];
  return {
    keys: [...keys],
    leads,
    submissions: leads.flatMap((lead) => lead.submissions),
    tiedBy: new Map(leads.map(({ lead }) => [lead, keysIn(lead).filter((key) => keys.has(key))])),
    notFollowed: [...new Set(submissions.flatMap((each) => each.keys))].filter((key) => !keys.has(key)),
  };
}
