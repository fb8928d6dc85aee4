import { messageOf } from "../errors";
import { credentialRules } from "./credentials";

const rules: readonly [RegExp, string][] = [
  [/(?<![\p{L}\p{N}._%+'-])[\p{L}\p{N}._%+'-]+@[\p{L}\p{N}.-]+\.[\p{L}]{2,}/gu, "[e-mail]"],
  [/\b(bearer|basic)\s+[\w.~+/=-]{6,}/gi, "$1 [secret]"],
  ...credentialRules("[secret]"),
  // Seven digits at least: `550 5.1.1` is the code of a mail server.
  [/(?<![\w-])\+?(?=\d(?:[ ()./-]{0,3}\d){6})\d[\d ()./-]{7,}\d(?![\w-])/g, "[number]"],
];

/** Error texts come from anywhere: what looks like an address, a credential or a telephone number is taken out, the rest is cut at 1,000 characters. */
export function redact(text: string): string {
  // Cut between words: half an address would not be seen as one.
  const cut = text.length > 4000 ? text.slice(0, 4000).replace(/\S{1,320}$/, "") : text;
  const clean = rules.reduce((result, [pattern, replacement]) => result.replace(pattern, replacement), cut);
  return clean.toWellFormed().slice(0, 1000);
}

/** The text under which something unforeseen is recorded. */
export function redactedReason(thrown: unknown): string {
  return redact(messageOf(thrown)) || "failed without a message";
}
