/** Longer paths, and paths with more words, are not compared: the work grows with the product of the lengths. */
const maxLength = 200;
const maxWords = 8;
/** A word may differ by this many letters, or by a third of its letters. */
const maxEdits = 2;

/** The path of the route that a mistyped path most likely means; undefined when none is near. `paths` hold parameters as `:name`. */
export function nearestRoute(path: string, paths: Iterable<string>): string | undefined {
  const segments = wordsOf(path);
  if (path.length > maxLength || segments.length > maxWords) return undefined;
  let nearest: { path: string; edits: number } | undefined;
  for (const each of paths) {
    const edits = editsBetween(segments, wordsOf(each));
    if (edits !== undefined && (!nearest || edits < nearest.edits)) nearest = { path: each, edits };
  }
  return nearest?.path;
}

function wordsOf(path: string): string[] {
  return path.split("/").filter((word) => word !== "");
}

/** Number of letters in which two paths differ; undefined when a word differs too much. A missing `/v1` counts as one letter. */
function editsBetween(given: readonly string[], right: readonly string[]): number | undefined {
  if (given.length + 1 === right.length && right[0] === "v1") {
    const edits = editsBetween(given, right.slice(1));
    return edits === undefined ? undefined : edits + 1;
  }
  if (given.length !== right.length) return undefined;
  let edits = 0;
  for (const [index, word] of given.entries()) {
    const segment = right[index] ?? "";
    if (segment.startsWith(":")) continue;
    const here = distance(word.toLowerCase(), segment);
    if (here > Math.max(maxEdits, segment.length / 3) || here >= segment.length) return undefined;
    edits += here;
  }
  return edits;
}

/** Levenshtein distance: letters to insert, remove or replace. */
function distance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (const [index, letter] of [...left].entries()) {
    const next = [index + 1];
    for (let at = 0; at < right.length; at++) {
      const replaced = (row[at] ?? 0) + Number(letter !== right[at]);
      next.push(Math.min(replaced, (row[at + 1] ?? 0) + 1, (next[at] ?? 0) + 1));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}
