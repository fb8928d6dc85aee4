import { escapePattern } from "../escape";
import { masked, maskMarked } from "./personal";

/** Texts outside of these lengths are not searched for: shorter ones stand in every sentence, longer ones are not quoted whole. Characters. */
const minLength = 3;
const maxLength = 200;
/** Values of up to so many words are treated as names: their single words are masked too. */
const maxWordsOfName = 4;
const maxTexts = 500;

/**
 * Masks in a text the personal fields of a value: outside systems quote what they were sent.
 * Whole values are masked, and the single words of short ones; never a part of a longer word.
 */
export function maskKnownValues(schema: unknown, value: unknown, text: string): string {
  const known = personalTexts(schema, value);
  if (known.length === 0) return text;
  const anyOf = known.map(escapePattern).join("|");
  return text.replaceAll(new RegExp(`(?<![\\p{L}\\p{N}])(?:${anyOf})(?![\\p{L}\\p{N}])`, "giu"), masked);
}

/** The longest first, so that a name goes before its parts. */
function personalTexts(schema: unknown, value: unknown): string[] {
  const found = new Set<string>();
  collect(value, maskMarked(schema, value), found);
  const parts = [...found].flatMap((text) => {
    const words = text.split(/\s+/u);
    return words.length <= maxWordsOfName ? [text, ...words] : [text];
  });
  const fit = parts.filter(({ length }) => length >= minLength && length <= maxLength);
  return [...new Set(fit)].toSorted((one, other) => other.length - one.length).slice(0, maxTexts);
}

/** Collects the texts that the masked copy does not show. */
function collect(value: unknown, copy: unknown, found: Set<string>): void {
  if (typeof value === "string" && copy === masked) found.add(value.trim());
  if (typeof value !== "object" || value === null || typeof copy !== "object" || copy === null) return;
  for (const [key, each] of Object.entries(value)) collect(each, (copy as Record<string, unknown>)[key], found);
}
