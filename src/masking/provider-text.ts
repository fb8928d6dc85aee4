import { escapePattern } from "../escape";
import { credentialRules } from "./credentials";

const mask = "•••";

/** Characters of a provider's text that may be shown; the rest of a message is rarely needed. */
const maxShown = 240;

/**
 * A provider's message, fit for logs and job pages. Addresses, URLs below their host, tokens, telephone numbers and the texts of `known` (keys and
 * recipients, which many providers repeat) are masked. One line, at most 240 characters.
 */
export function maskProviderText(text: string, known: readonly string[] = []): string {
  const line = withoutKnown(text, known)
    .toWellFormed()
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, " ")
    .trim();
  return cut(
    patterns.reduce((masked, [pattern, replacement]) => masked.replace(pattern, replacement), cut(line, 2000)),
    maxShown,
  );
}

/** Characters of a provider's sentence. */
const maxMessage = 500;

/**
 * What a provider wrote, for `providerMessage` of a failure: it may name persons, so only an admin sees it, but no secret.
 * `secrets` are those of the call. One line, at most 500 characters; nothing when there is no text.
 */
export function quoted(text: unknown, secrets: readonly string[] = []): { providerMessage?: string } {
  if (typeof text !== "string") return {};
  const line = withoutKnown(text.slice(0, 4 * maxMessage), secrets)
    .toWellFormed()
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, " ")
    .trim();
  const clean = credentials.reduce((rest, [pattern, replacement]) => rest.replace(pattern, replacement), line);
  return clean === "" ? {} : { providerMessage: cut(clean, maxMessage) };
}

/** A code or name of an error that may stand in a reason; undefined for what is longer or may be a sentence. */
export function codeIn(value: unknown): string | undefined {
  const text = typeof value === "number" ? String(value) : value;
  return typeof text === "string" && text.length <= 64 && /^[a-zA-Z0-9_.-]{1,64}$/.test(text) ? text : undefined;
}

const credentials: readonly [RegExp, string][] = [
  ...credentialRules(mask),
  [/\b(bearer|basic)\s+(?=\S*[\d=])\S{6,}/gi, `$1 ${mask}`],
  [/\b([\w-]{0,30}(?:token|key|secret|password))(["']?\s?[:=]\s?["']?)[^\s"',;]+/gi, `$1$2${mask}`],
];

/** In this order: a URL may hold an address, an address a token. */
const patterns: readonly [RegExp, string][] = [
  [/\b([a-z][a-z0-9+.-]{1,15}:\/\/)(?:[^\s/?#@"'<>]*@)?([^\s/?#"'<>]+)(?:[/?#][^\s"'<>]*)?/gi, `$1$2/${mask}`],
  [/[^\s<>"(),;:[\]]{1,256}@[^\s<>"(),;:[\]]{1,256}/g, mask],
  ...credentials,
  [/(?<![\w+/=.-])(?=[\w+/=.-]*\d)[\w+/=.-]{20,}/g, mask],
  // Seven digits at least: `550 5.1.1` is the code of a mail server.
  [/\+?(?=\d(?:[ ().-]{0,3}\d){6})\d[\d ().-]{7,18}\d/g, mask],
];

function withoutKnown(text: string, known: readonly string[]): string {
  const longestFirst = known.filter((each) => each.length >= 3).toSorted((a, b) => b.length - a.length);
  return longestFirst.reduce((rest, each) => rest.replaceAll(new RegExp(escapePattern(each), "gi"), mask), text);
}

/** Cut between words, so that no half of an address stays unmasked. */
function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 2).replace(/(?<!\S)\S+$/, "")} …`.trimStart();
}
