import { appendFileSync, closeSync, createReadStream, existsSync, ftruncateSync, mkdirSync, openSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import type { EffectNote } from "./effects.ts";
import type { KeyNote } from "./idempotency.ts";
import type { KeptNote } from "./kept.ts";
import type { Mail } from "./mailbox.ts";

/** Read and written at once. */
const chunk = 1024 * 1024;

/** One thing that happened and must be known after a restart. */
export type Note = { received: number } | { mail: Mail } | { effect: EffectNote } | { key: KeyNote } | { kept: KeptNote };

/** Takes notes of what happens, until `keep` puts them where they outlive the process. */
export interface Archive {
  note(note: Note): void;
  /** Returns when all that was noted is written: `kill -9` does not undo it. */
  keep(): void;
  clear(): void;
  close(): void;
}

/** Without a file: nothing outlives the process. */
export const forgetful: Archive = { note: () => undefined, keep: () => undefined, clear: () => undefined, close: () => undefined };

/** Appends to a file of JSON lines. What was noted between two calls of `keep` is one line: all of it counts, or none. */
export class ArchiveFile implements Archive {
  readonly #file: number;
  #notes: Note[] = [];

  constructor(path: string) {
    mkdirSync(dirname(path), { recursive: true });
    this.#file = openSync(path, "a", 0o600);
  }

  note(note: Note): void {
    this.#notes.push(note);
  }

  keep(): void {
    if (this.#notes.length === 0) return;
    appendFileSync(this.#file, `${JSON.stringify(this.#notes)}\n`);
    this.#notes = [];
  }

  clear(): void {
    this.#notes = [];
    ftruncateSync(this.#file, 0);
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** All notes of a file, the oldest first. A line that is cut off, as by a `kill -9` while it was written, was never answered for and is passed over. */
export async function* readNotes(path: string): AsyncGenerator<Note> {
  if (!existsSync(path)) return;
  for await (const line of linesOf(path)) yield* notesIn(line);
}

/** Puts a file with these notes alone in the place of the old one: at every moment one of them is there, whole. */
export function replaceNotes(path: string, notes: Iterable<Note>): void {
  mkdirSync(dirname(path), { recursive: true });
  const fresh = openSync(`${path}.new`, "w", 0o600);
  try {
    let text = "";
    for (const note of notes) {
      text += `${JSON.stringify([note])}\n`;
      if (text.length < chunk) continue;
      appendFileSync(fresh, text);
      text = "";
    }
    appendFileSync(fresh, text);
  } finally {
    closeSync(fresh);
  }
  renameSync(`${path}.new`, path);
}

/** Only a line feed ends a line; node:readline would also cut at U+2028, which JSON may hold. */
async function* linesOf(path: string): AsyncGenerator<string> {
  let rest = "";
  for await (const part of createReadStream(path, { encoding: "utf8", highWaterMark: chunk })) {
    const lines = (rest + String(part)).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}

function notesIn(line: string): Note[] {
  try {
    return JSON.parse(line) as Note[];
  } catch {
    console.error("sandbox: passed over a line of its archive that cannot be read");
    return [];
  }
}
