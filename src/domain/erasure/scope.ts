import { numbersGiven, ownOf, type Own } from "../events/erase";
import { leadsAmong, type LeadPart, numbersLike, partsOf, type Said, submissionsNaming } from "../leads/erase";
import { isFullNumber, nationalKey } from "./person";

/** Each round is an address or a number that the one before tied to the person. */
const maxRounds = 10;

/** What an erasure takes. */
export interface ErasureScope {
  keys: string[];
  countries: readonly string[];
  leads: LeadPart[];
  submissions: string[];
  entities: string[];
  /** By lead: the keys that make it part of this. */
  tiedBy: Map<string, string[]>;
  /** Keys that stand beside those of the person and were not followed. */
  notFollowed: string[];
}

export interface ScopeRequest {
  /** Keys of the address or number that was asked for. */
  given: readonly string[];
  countries: readonly string[];
  /** Whether further keys that our senders tied to these are the person's as well. */
  together: boolean;
}

/**
 * What the given keys name, and nothing that names another person as well: a form takes any address beside any number, so a stranger could
 * tie people together. With `together`, keys are followed that a tenant's own server or event put beside these, never those of a browser alone.
 */
export async function scopeOf(db: D1Database, tenant: string, { given, countries, together }: ScopeRequest): Promise<ErasureScope> {
  const chosen = new Set(given);
  for (let round = 1; ; round++) {
    const keys = await withSpellings(db, tenant, chosen, countries);
    const found = await submissionsNaming(db, tenant, [...keys], countries);
    const leads = partsOf(found, keys);
    const ids = new Set(leads.map(({ lead }) => lead));
    const submissions = found.filter(({ lead }) => ids.has(lead));
    const whole = leads.filter(({ isWhole }) => isWhole).map(({ lead }) => lead);
    const things = await ownOf(db, tenant, { keys: [...keys], leads: whole }, countries);
    const named = things.flatMap(({ entity }) => (entity.startsWith("lead:") ? [entity.slice("lead:".length)] : []));
    const ours = new Set((await leadsAmong(db, tenant, named)).map((id) => `lead:${id}`));
    const size = chosen.size;
    if (together && round < maxRounds) for (const key of further(submissions, things, ours, keys)) chosen.add(key);
    if (chosen.size === size) return { ...shaped(submissions, leads, keys), countries, entities: entitiesOf(things, ours, whole, keys) };
  }
}

/**
 * With each number the same one without its country, or with it: what is written without one is that number as long as the tenant has
 * no other of the same national digits.
 */
async function withSpellings(db: D1Database, tenant: string, chosen: ReadonlySet<string>, countries: readonly string[]): Promise<Set<string>> {
  const numbers = [...chosen].filter((key) => key.startsWith("p:"));
  if (numbers.length === 0) return new Set(chosen);
  const known = [...(await numbersLike(db, tenant, numbers)), ...(await numbersGiven(db, tenant, numbers, countries))];
  const full = Map.groupBy(new Set([...numbers.filter(isFullNumber), ...known]), nationalKey);
  const alike = numbers.map(nationalKey).flatMap((national) => {
    const [only, other] = full.get(national) ?? [];
    return other === undefined ? [national, ...(only === undefined ? [] : [only])] : [];
  });
  return new Set([...chosen, ...alike]);
}

function further(said: readonly Said[], things: readonly Own[], ours: ReadonlySet<string>, keys: ReadonlySet<string>): string[] {
  const trusted = said.filter((each) => each.isTrusted && each.keys.some((key) => keys.has(key)));
  // Facts of our own leads come from their forms.
  return [...trusted, ...things.filter(({ entity }) => !ours.has(entity))].flatMap((each) => each.keys);
}

/** Things of which events gave no other key; of our own leads, those that go whole. */
function entitiesOf(things: readonly Own[], ours: ReadonlySet<string>, whole: readonly string[], keys: ReadonlySet<string>): string[] {
  const gone = new Set(whole.map((lead) => `lead:${lead}`));
  return things.filter((each) => (ours.has(each.entity) ? gone.has(each.entity) : each.keys.every((key) => keys.has(key)))).map(({ entity }) => entity);
}

function shaped(said: readonly Said[], leads: LeadPart[], keys: ReadonlySet<string>): Omit<ErasureScope, "entities" | "countries"> {
  const byLead = Map.groupBy(said, ({ lead }) => lead);
  const keysIn = (lead: string) => [...new Set((byLead.get(lead) ?? []).flatMap((each) => each.keys))];
  return {
    keys: [...keys],
    leads,
    submissions: leads.flatMap(({ submissions }) => submissions),
    tiedBy: new Map(leads.map(({ lead }) => [lead, keysIn(lead).filter((key) => keys.has(key))])),
    notFollowed: [...new Set(said.flatMap((each) => each.keys))].filter((key) => !keys.has(key)),
  };
}
