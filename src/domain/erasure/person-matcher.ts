import { emailKey, readEmail } from "../leads/email";
import { numberIn, significantDigits } from "./person";
import { visible } from "../leads/visible";

/** What every text that names the person contains: two words, in lower case and without dots, and a pattern for LIKE. */
export type Prefilter = readonly [word: string, other: string, pattern: string];

/** A shorter number is looked up by index only: in a text such digits are likely the number of something else. */
const minSought = 7;

/** Every text that names one of the keys matches one of these; a text that matches need not name a key. */
export function prefiltersFor(keys: readonly string[]): Prefilter[] {
  return keys.flatMap((key): Prefilter[] => {
    if (key.startsWith("p:")) return phonePrefilters(key);
    const [name = "", domain = ""] = splitName(key.slice(2));
    const labels = domain === "gmail.com" ? ["mail"] : domain.split(".").filter((label) => !label.startsWith("xn--"));
    return [[longestRun(name.replaceAll(".", "")), longestRun(labels.join(" ")), "%"]];
  });
}

/** Every spelling contains the national digits; a short number is searched with its country code. */
function phonePrefilters(key: string): Prefilter[] {
  const { code = "", national } = numberIn(key);
  const sought = national.length < minSought ? code + national : national;
  return sought.length < minSought ? [] : [["", "", `%${[...sought].join("%")}%`]];
}

/** A cheap check that accepts every text that names one of the keys, and some others. */
export function mayName(keys: readonly string[]): (text: string) => boolean {
  const prefilters = prefiltersFor(keys);
  const numbers = keys.filter((key) => key.startsWith("p:")).map((key) => numberIn(key).national);
  return (text) => {
    const plain = text.toLowerCase().replaceAll(".", "");
    if (prefilters.some(([word, other, pattern]) => pattern === "%" && plain.includes(word) && plain.includes(other))) return true;
    const run = numbers.length > 0 ? text.replaceAll(/\D/g, "") : "";
    return numbers.some((number) => run.includes(number));
  };
}

/** Whether a text, or any text in its JSON, names one of the keys in any spelling. */
export function mentionsPerson(keys: ReadonlySet<string>, text: string | null): boolean {
  return text !== null && wordsIn(text).some((word) => namesEmail(keys, word) || namesPhone(keys, word));
}

/** Matches from the @ backwards: a pattern that begins with the name would try 200 characters at each position of the text. */
const address = /@(?<=([\p{L}\p{M}\p{N}.!#$%&'*+/=?^_`{|}~-]{1,200})@)([\p{L}\p{M}\p{N}.-]{1,254})/gu;
/** Characters after which an address may begin: `email=ada@…`, `'ada@…`. */
const joints = /[!#$%&*/=?^`{|}~]/g;
const digits = /\+?\d[\d\s().\-/\u2010-\u2015]{3,60}/g;

function namesEmail(keys: ReadonlySet<string>, word: string): boolean {
  if (!/@|%40/.test(word)) return false;
  const names = [...keys].flatMap((key) => (key.startsWith("e:") ? [withoutDots(splitName(key.slice(2))[0])] : []));
  const plain = word
    .replaceAll(/%40/g, "@")
    .replaceAll(/%2b/gi, "+")
    .replaceAll(/\\[nrt]/g, " ");
  for (const [, localPart = "", host = ""] of plain.matchAll(address)) {
    const name = visible(localPart.normalize("NFC")).toLowerCase();
    const bare = withoutDots(name);
    // Parsing an address is costly, and most are other persons'.
    if (names.some((sought) => bare.includes(sought)) && isAnyOf(keys, name, host.replace(/(?<![.-])[.-]+$/, ""))) return true;
  }
  return false;
}

/** Whether an address is one of the keys, at whichever character of `name` it begins. */
function isAnyOf(keys: ReadonlySet<string>, name: string, host: string): boolean {
  const domain = readEmail(`x@${host}`)?.domain;
  if (domain === undefined) return false;
  const ends = [name, ...Array.from(name.matchAll(joints), ({ index }) => name.slice(index + 1))];
  return ends.flatMap((end) => [end, end.replace(/^['_.+-]+/, "")]).some((each) => keys.has(`e:${emailKey(each, domain)}`));
}

function withoutDots(text: string): string {
  return text.replaceAll(".", "");
}

function namesPhone(keys: ReadonlySet<string>, word: string): boolean {
  const runs = Array.from(word.matchAll(digits), ([run]) => run);
  if (runs.length === 0) return false;
  return [...keys].some((key) => key.startsWith("p:") && runs.some((run) => isIn(run, numberIn(key))));
}

/** Checks each position, since one run of digits may contain two numbers. A number without a country does not match digits after a country code. */
function isIn(run: string, { code, national }: { code?: string; national: string }): boolean {
  const all = (code ?? "") + national;
  if (all.length < minSought) return false;
  // A number this short must be the whole run: it may be part of another number.
  const [start, end] = all.length < significantDigits ? ["^", "$"] : ["(?<!\\d)", "(?!\\d)"];
  const before = code === undefined ? "(?:06|80?|0*)" : `\\+?(?:011|0*)${between}${spaced(code)}${between}0?`;
  const matches = run.matchAll(new RegExp(`${start}${before}${between}${spaced(national)}${end}`, "g"));
  return [...matches].some(({ index }) => code !== undefined || !isInternational(run) || run.slice(0, index).replaceAll(/\D/g, "").length >= minSought);
}

const between = "[\\s().\\-/\\u2010-\\u2015]{0,5}";

function spaced(run: string): string {
  return [...run].join(between);
}

function isInternational(run: string): boolean {
  return /^(?:\+|00)/.test(run);
}

/** Every text and number in JSON; of anything else the text itself. */
function wordsIn(text: string): string[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return [text];
  }
  return leaves(value);
}

function leaves(value: unknown): string[] {
  if (typeof value === "string") return [value];
  // Only numbers as long as a full telephone number: a shorter one is an amount or an id.
  if (typeof value === "number") return Math.abs(value) >= 10 ** (significantDigits - 1) ? [String(value)] : [];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, each]) => [name, ...leaves(each)]);
}

function splitName(found: string): [string, string] {
  const at = found.lastIndexOf("@");
  return [found.slice(0, at), found.slice(at + 1)];
}

function longestRun(text: string): string {
  const runs = text.toLowerCase().match(/[a-z0-9]+/g) ?? [];
  return runs.reduce((longest, run) => (run.length > longest.length ? run : longest), "");
}
