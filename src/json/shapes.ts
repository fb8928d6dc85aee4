/**
 * Distinct shapes of objects in one text, each name adding one: V8 makes a map for each, which takes several microseconds.
 * Ten thousand jobs alike have a few; 10,000 jobs of which none has the names of another have as many as they have names.
 */
const maxShapes = 100_000;
/** Characters of the shortest text that could have as many: a name without a character, and a digit. */
const shapelyText = 5 * maxShapes;

/** A count for a text that is long enough to have too many shapes. */
export function shapesOf(text: string): ShapeCount | undefined {
  return text.length < shapelyText ? undefined : new ShapeCount(text);
}

/** Counts the shapes of a text while it is walked: distinct sequences of names from the start of an object, distinguished by a hash. */
class ShapeCount {
  #count = 0;
  #start = 0;
  #end = 0;
  /** The hash of the names so far, by depth. */
  readonly #hashes: number[] = [];
  readonly #seen = new Uint8Array(2 ** 20);
  readonly #seed = Math.floor(Math.random() * 2 ** 31);

  constructor(private readonly text: string) {}

  /** A string was passed, which may be a name. */
  string(start: number, end: number): void {
    this.#start = start;
    this.#end = end;
  }

  open(depth: number): void {
    this.#hashes[depth] = this.#seed;
  }

  /** The last string was a name of the object at this depth. Returns whether there are too many shapes. */
  name(depth: number): boolean {
    let hash = this.#hashes[depth] ?? this.#seed;
    for (let at = this.#start; at < this.#end; at++) hash = Math.imul(hash ^ this.text.charCodeAt(at), 0x01000193);
    this.#hashes[depth] = hash;
    const slot = (hash ^ (hash >>> 15)) & (this.#seen.length - 1);
    if (this.#seen[slot] === 0) this.#count++;
    this.#seen[slot] = 1;
    return this.#count > maxShapes;
  }
}
