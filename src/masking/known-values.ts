import { masked, maskMarked } from "./personal";

/** Shorter texts are found in every sentence, longer ones are nothing that anybody repeats whole. Characters. */
const shortest = 3;
const longest = 200;
/** A text of so many words may be a name, of which each part tells whose it is. */
const wordsOfName = 4;
const most = 500;

/**
 * A text in which nothing of a value's personal fields is left: outside systems like to repeat what they were told.
 * Whole values are masked, and the single words of short ones; inside other words nothing is.
 */
export function discreet(schema: unknown, value: unknown, text: string): string {
  const known = personalTexts(schema, value);
  if (known.length === 0) return text;
  const anyOf = known.map((each) => each.replaceAll(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`)).join("|");
  return text.replaceAll(new RegExp(`(?<![\\p{L}\\p{N}])(?:${anyOf})(?![\\p{L}\\p{N}])`, "giu"), masked);
}

/** The longest first, so that a name goes before its parts. */
function personalTexts(schema: unknown, value: unknown): string[] {
  const found = new Set<string>();
  collect(value, maskMarked(schema, value), found);
  const parts = [...found].flatMap((text) => {
    const words = text.split(/\s+/u);
    return words.length <= wordsOfName ? [text, ...words] : [text];
  });
  const fit = parts.filter(({ length }) => length >= shortest && length <= longest);
  return [...new Set(fit)].toSorted((one, other) => other.length - one.length).slice(0, most);
}

/** Wherever the masked copy differs stands something personal. */
function collect(value: unknown, shown: unknown, found: Set<string>): void {
  if (typeof value === "string" && shown === masked) found.add(value.trim());
  if (typeof value !== "object" || value === null || typeof shown !== "object" || shown === null) return;
  for (const [key, each] of Object.entries(value)) collect(each, (shown as Record<string, unknown>)[key], found);
}
