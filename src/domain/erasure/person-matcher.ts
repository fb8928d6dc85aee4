import { emailKey, readEmail } from "../leads/email";
import { numberIn, significantDigits } from "./person";
import { visible } from "../leads/visible";

/** What a text that names the person holds in any case: two words, in lower case and without dots, and a pattern for LIKE. */
export type Prefilter = readonly [word: string, other: string, pattern: string];

/** A short run of digits is as likely the number of something else: it is looked up, and not looked for in texts. */
const minSought = 7;

/** Every text that names one of the keys has one of these; a text that has one need not name a key. */
export function prefiltersFor(keys: readonly string[]): Prefilter[] {
  return keys.flatMap((key): Prefilter[] => {
    if (key.startsWith("p:")) return phonePrefilters(key);
    const [name = "", domain = ""] = splitName(key.slice(2));
    const labels = domain === "gmail.com" ? ["mail"] : domain.split(".").filter((label) => !label.startsWith("xn--"));
    return [[longestRun(name.replaceAll(".", "")), longestRun(labels.join(" ")), "%"]];
  });
}

/** The national digits are in every spelling; few of them are sought together with their country's code. */
function phonePrefilters(key: string): Prefilter[] {
  const { code = "", national } = numberIn(key);
  const sought = national.length < minSought ? code + national : national;
  return sought.length < minSought ? [] : [["", "", `%${[...sought].join("%")}%`]];
}

/** A look that costs little and finds every text that names one of the keys, and some others. */
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

/** Whether a text, or JSON with all that stands in it, names one of the keys in any spelling. */
export function mentionsPerson(keys: ReadonlySet<string>, text: string | null): boolean {
  return text !== null && wordsIn(text).some((word) => namesEmail(keys, word) || namesPhone(keys, word));
}

/** Begins at the sign, and looks back from there: a pattern that begins with the name tries 200 characters at every place of a text. */
const address = /@(?<=([\p{L}\p{M}\p{N}.!#$%&'*+/=?^_`{|}~-]{1,200})@)([\p{L}\p{M}\p{N}.-]{1,254})/gu;
/** Where something else ends and an address begins: `email=ada@…`, `'ada@…`. */
const joints = /[!#$%&*/=?^`{|}~]/g;
const digits = /\+?\d[\d\s().\-/\u2010-\u2015]{3,60}/g;

function namesEmail(keys: ReadonlySet<string>, word: string): boolean {
  if (!/@|%40/.test(word)) return false;
  const names = [...keys].flatMap((key) => (key.startsWith("e:") ? [withoutDots(splitName(key.slice(2))[0])] : []));
  const plain = word
    .replaceAll(/%40/g, "@")
    .replaceAll(/%2b/gi, "+")
    .replaceAll(/\\[nrt]/g, " ");
  for (const [, given = "", host = ""] of plain.matchAll(address)) {
    const name = visible(given.normalize("NFC")).toLowerCase();
    const bare = withoutDots(name);
    // Reading an address is dear, and most name others.
    if (names.some((sought) => bare.includes(sought)) && isAnyOf(keys, name, host.replace(/(?<![.-])[.-]+$/, ""))) return true;
  }
  return false;
}

/** Whether an address is one of the keys, wherever in `name` it begins. */
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

/** Two numbers may stand in one run: each place is looked at. A number without a country is none that stands behind the code of one. */
function isIn(run: string, { code, national }: { code?: string; national: string }): boolean {
  const all = (code ?? "") + national;
  if (all.length < minSought) return false;
  // As short as this it is as likely a part of something else.
  const [start, end] = all.length < significantDigits ? ["^", "$"] : ["(?<!\\d)", "(?!\\d)"];
  const before = code === undefined ? "(?:06|80?|0*)" : `\\+?(?:011|0*)${between}${spaced(code)}${between}0?`;
  const found = run.matchAll(new RegExp(`${start}${before}${between}${spaced(national)}${end}`, "g"));
  return [...found].some(({ index }) => code !== undefined || !isInternational(run) || run.slice(0, index).replaceAll(/\D/g, "").length >= minSought);
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
  // As long as a telephone number in full: a shorter one is an amount or an id.
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
