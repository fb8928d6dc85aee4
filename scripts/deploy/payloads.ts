import { reasonOf } from "./api.ts";
import { type Finding, finding } from "./finding.ts";
import type { Product } from "./product.ts";

interface Sample {
  version: number;
  state: string;
  payload: unknown;
}

/** What was tried, and what would break. */
export interface Trial {
  findings: Finding[];
  notes: string[];
}

export interface RunningWorker {
  /** Without a slash at the end. */
  url: string;
  rootToken: string;
}

const maxAnswerMs = 20_000;
const shownPaths = 5;

/**
 * Tries payloads that the running Worker holds against the contracts of this checkout. Only counts and paths come out of it: what the
 * payloads hold is neither kept nor printed. A Worker that does not answer stops nothing, since a deploy may be its cure.
 */
export async function tryPayloads(running: RunningWorker, product: Product): Promise<Trial> {
  const types = await typesOf(running, product);
  if ("note" in types) return { findings: [], notes: [types.note] };
  const trials = await Promise.all(types.names.map((type) => tryType(running, product, type)));
  const failed = trials.find((each) => "note" in each);
  if (trials.every((each) => "isUnknown" in each))
    return { findings: [], notes: ["Stored payloads were not checked: the version that runs does not hand out samples."] };
  const tried = trials.flatMap((each) => ("note" in each ? [] : [each]));
  const count = tried.reduce((sum, each) => sum + each.count, 0);
  const findings = tried.flatMap((each) => each.findings);
  const broken = findings.length === 0 ? "all fit" : "see payload-breaks";
  return {
    findings,
    notes: [
      `Payloads: ${count} stored ones of ${tried.filter((each) => each.count > 0).length} types tried against the new contracts: ${broken}.`,
      ...(failed && "note" in failed ? [failed.note] : []),
    ],
  };
}

/** Types of the running Worker, which may have some that are gone here, and those of this checkout. */
async function typesOf(running: RunningWorker, product: Product): Promise<{ names: string[] } | { note: string }> {
  const answer = await ask(running, "/v1/types");
  if ("note" in answer) return answer;
  const here = product.contracts.map(({ type }) => type);
  const known = new Set(product.contracts.flatMap(({ type, aliases }) => [type, ...aliases]));
  const there = ((answer.body as { types?: { type: string }[] } | null)?.types ?? []).map(({ type }) => type);
  return { names: [...here, ...there.filter((type) => !known.has(type))] };
}

async function tryType(
  running: RunningWorker,
  product: Product,
  type: string,
): Promise<{ count: number; findings: Finding[]; isUnknown?: true } | { note: string }> {
  const names = [type, ...(product.contracts.find((each) => each.type === type)?.aliases ?? [])];
  for (const name of names) {
    const answer = await ask(running, `/v1/types/${name}/sample`);
    if ("note" in answer) return answer;
    // Unknown to the Worker that runs: the type is new, or has its former name there.
    if (answer.body === null) continue;
    const { samples = [] } = answer.body as { samples?: Sample[] };
    return { count: samples.length, findings: [...groupsOf(samples).values()].flatMap((group) => judged(product, name, group)) };
  }
  return { count: 0, findings: [], isUnknown: true };
}

function groupsOf(samples: readonly Sample[]): Map<string, Sample[]> {
  return Map.groupBy(samples, ({ version, state }) => `${version} ${isDead(state) ? "dead" : "open"}`);
}

function judged(product: Product, type: string, group: readonly Sample[]): Finding[] {
  const [first] = group;
  if (!first) return [];
  const broken = group.map(({ version, payload }) => product.issuesOf(type, version, payload)).filter((issues) => issues.length > 0);
  if (broken.length === 0) return [];
  const counts = new Map<string, number>();
  for (const issues of broken)
    for (const line of new Set(issues.map(({ path, message }) => `${withoutKeys(path)} ${message}`))) counts.set(line, (counts.get(line) ?? 0) + 1);
  const worst = [...counts].toSorted(([, one], [, other]) => other - one);
  const paths = worst.slice(0, shownPaths).map(([line, count]) => `${line} (${count})`);
  const more = worst.length > shownPaths ? `, and ${worst.length - shownPaths} more` : "";
  const [states, severity] = isDead(first.state) ? (["dead", "warning"] as const) : (["open", "error"] as const);
  const sentence = `${type} version ${first.version}: ${broken.length} of ${group.length} ${states} payloads would not fit: ${paths.join(", ")}${more}.`;
  return [finding("payload-breaks", type, sentence, severity)];
}

function isDead(state: string): boolean {
  return state === "dead" || state === "discarded";
}

/** Keys within free-form parts of a payload may hold personal data; those of schemas are short plain names. */
function withoutKeys(path: string): string {
  return path
    .split(".")
    .slice(0, 6)
    .map((part) => (/^[A-Za-z][A-Za-z0-9_]{0,39}$/.test(part) ? part : /^\d+$/.test(part) ? "*" : "…"))
    .join(".");
}

/** Null: there is no such thing. A note: there was no answer, or one by which nothing can be tried. */
async function ask({ url, rootToken }: RunningWorker, path: string): Promise<{ body: unknown } | { note: string }> {
  const skipped = (why: string) => ({ note: `Stored payloads were not checked: ${why}.` });
  try {
    const response = await fetch(`${url}${path}`, {
      headers: { authorization: `Bearer ${rootToken}` },
      redirect: "error",
      signal: AbortSignal.timeout(maxAnswerMs),
    });
    if (response.status === 404) return { body: null };
    if (response.status === 401 || response.status === 403) return skipped(`${url} refuses the ROOT_TOKEN that was given`);
    if (!response.ok) return skipped(`${url}${path} answered ${response.status}`);
    return { body: await response.json() };
  } catch (cause) {
    return skipped(`${url} does not answer (${reasonOf(cause)})`);
  }
}
