/**
 * Text as searches compare it: without case, in all languages alike, and without the difference of compatible forms (full width,
 * ligatures). ß is ss; Σ, σ and ς are one letter; of the Turkish letters İ, I, ı and i are one, since a text does not name its language.
 * Folding what is folded changes nothing.
 */
export function fold(text: string): string {
  const compatible = withoutHeaps(text).normalize("NFKC");
  // Lower, upper, lower: this order turns ẞ into ss, and two small letters with the same capital into one of them.
  const folded = compatible.toLowerCase().toUpperCase().toLowerCase();
  return folded.replaceAll("i\u0307", "i").replaceAll("ς", "σ").normalize("NFKC");
}

/** Whether a text holds `words`, both folded. */
export function finder(words: string): (text: string | null | undefined) => boolean {
  const sought = fold(words);
  return (text) => typeof text === "string" && fold(text).includes(sought);
}

/** Removes marks beyond 30 on one letter. No language has so many, and the time to normalize grows with the square of their number. */
function withoutHeaps(text: string): string {
  return text.length < 1000 ? text : text.replaceAll(/(\p{M}{30})\p{M}+/gu, "$1");
}
