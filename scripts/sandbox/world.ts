import { join } from "node:path";
import { type Archive, ArchiveFile, forgetful, type Note, readNotes, replaceNotes } from "./archive.ts";
import { Effects } from "./effects.ts";
import { IdempotencyKeys } from "./idempotency.ts";
import { Kept } from "./kept.ts";
import { type Mail, Mailbox } from "./mailbox.ts";
import type { World } from "./provider.ts";

/** A world with the file that remembers it. */
export interface Remembered {
  world: World;
  archive: Archive;
  /** Mailbox, effects, keys, what providers hold and their file as on the first start. */
  clear(): void;
}

/** The shared state, as it was when the last sandbox with this `stateDir` ended, however it did; without one it begins empty and stays in memory. */
export async function openWorld(now: () => number, stateDir: string | undefined, onMail?: (mail: Mail) => void): Promise<Remembered> {
  const path = stateDir === undefined ? undefined : join(stateDir, "sandbox", "accepted.jsonl");
  let archive = forgetful;
  const note = (happened: Note): void => archive.note(happened);
  const effects = new Effects((effect) => note({ effect }));
  const mailbox = new Mailbox((mail) => {
    note({ mail });
    onMail?.(mail);
  });
  const rings = new Map<string, IdempotencyKeys>();
  const keys = (provider: string): IdempotencyKeys => {
    const ring = rings.get(provider) ?? new IdempotencyKeys(now, (key) => note({ key: { provider, ...key } }));
    rings.set(provider, ring);
    return ring;
  };
  const holdings = new Map<string, Kept<unknown>>();
  const kept = <T>(provider: string): Kept<T> => {
    const held = holdings.get(provider) ?? new Kept<unknown>((key, value) => note({ kept: { provider, key, value } }));
    holdings.set(provider, held);
    return held as Kept<T>;
  };
  const world: World = { now, effects, mailbox, keys, kept };
  if (path !== undefined) {
    for await (const happened of readNotes(path)) restore(world, happened);
    replaceNotes(path, notesOf(world, rings, holdings));
    archive = new ArchiveFile(path);
  }
  const clear = (): void => {
    for (const part of [effects, mailbox, ...rings.values(), ...holdings.values(), archive]) part.clear();
  };
  return { world, archive, clear };
}

function restore({ effects, mailbox, keys, kept }: World, note: Note): void {
  if ("mail" in note) mailbox.restore(note.mail);
  else if ("effect" in note) effects.restore(note.effect);
  else if ("key" in note) keys(note.key.provider).restore(note.key);
  else if ("kept" in note) kept(note.kept.provider).restore(note.kept.key, note.kept.value);
  else mailbox.received = note.received;
}

/** All that memory keeps, which is bounded; so is what a start leaves in the file. */
function* notesOf({ effects, mailbox }: World, rings: ReadonlyMap<string, IdempotencyKeys>, holdings: ReadonlyMap<string, Kept<unknown>>): Generator<Note> {
  const mails = mailbox.find({ limit: mailbox.size });
  // Reading the mails again counts them again.
  yield { received: mailbox.received - mails.length };
  for (const mail of mails) yield { mail };
  for (const effect of effects.all()) yield { effect };
  for (const [provider, ring] of rings) for (const key of ring.all()) yield { key: { provider, ...key } };
  for (const [provider, held] of holdings) for (const [key, value] of held.entries()) yield { kept: { provider, key, value } };
}
