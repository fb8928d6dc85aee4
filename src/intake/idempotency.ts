import * as v from "valibot";
import { sha256Base32, sha256Hex } from "../crypto";
import type { Earlier } from "../domain/replays/model";
import { Problem } from "../errors";
import { boundedText } from "../bounded";

export const idempotencyHeader = "Idempotency-Key";

/** The header's description, for a route that reads it. */
export const idempotencyHeaders = { [idempotencyHeader]: "The same key with the same payload is the same job: 1 to 256 characters, in quotes or bare" };

/** Characters. */
const maxKeyLength = 256;

const rule = "must be 1 to 256 printable ASCII characters";

/** An idempotency key as a field of JSON. */
export const idempotencyKey = boundedText(maxKeyLength, { pattern: /^[\x20-\x7e]{1,256}$/, rule: rule });

/**
 * The key of the header: a structured-field string in quotes, as the draft has it, or the bare text.
 * Both spellings of one key are the same key. Throws `invalid` for anything else; undefined without the header.
 */
export function readIdempotencyKey(headers: Headers): string | undefined {
  const text = headers.get(idempotencyHeader);
  if (text === null) return undefined;
  const key = text.startsWith('"') ? unquote(text) : text;
  if (key !== undefined && v.is(idempotencyKey, key)) return key;
  throw new Problem("invalid", `The header ${idempotencyHeader} is wrong: it ${rule}.`, { errors: [{ path: idempotencyHeader, message: rule }] });
}

/** The key of one entry of a list that was sent under `listKey`. `entry` is the same in every repeat. A key of more than 256 characters is replaced by its hash. */
export async function entryKey(listKey: string, entry: string): Promise<string> {
  const key = `${listKey}:${entry}`;
  return key.length <= maxKeyLength ? key : sha256Base32(key);
}

/** For a route that starts a replay or a bulk action under a key. */
export const onceHeaders = {
  [idempotencyHeader]: "The same key with the same request begins it once, and answers the same id: 1 to 256 characters, in quotes or bare",
};

/** The id of the replay or action that a call starts, a UUID: the same for the same tenant, `what` and key; random without a key. */
export async function onceId(headers: Headers, tenant: string, what: string): Promise<{ id: string; isKeyed: boolean }> {
  const key = readIdempotencyKey(headers);
  if (key === undefined) return { id: crypto.randomUUID(), isKeyed: false };
  const digits = await sha256Hex(JSON.stringify([tenant, what, key]));
  const id = [digits.slice(0, 8), digits.slice(8, 12), `8${digits.slice(13, 16)}`, `8${digits.slice(17, 20)}`, digits.slice(20, 32)].join("-");
  return { id, isKeyed: true };
}

/** Starts something once per key. A repeat gets what was started before; another request under the key is refused. */
export async function begunOnce<View>(isKeyed: boolean, earlier: () => Promise<Earlier<View> | null>, begin: () => Promise<View>): Promise<Begun<View>> {
  if (!isKeyed) return { view: await begin(), headers: {} };
  const before = sameAs(await earlier());
  if (before) return { view: before, headers: { "idempotent-replayed": "true" } };
  const begun = await begin();
  // Two calls at once both find the one that was stored first.
  return { view: sameAs(await earlier()) ?? begun, headers: {} };
}

interface Begun<View> {
  view: View;
  headers: Record<string, string>;
}

function sameAs<View>(earlier: Earlier<View> | null): View | undefined {
  if (earlier && !earlier.isSame) throw new Problem("idempotency-mismatch", `The ${idempotencyHeader} was used with another request.`);
  return earlier?.view;
}

/** RFC 9651, 3.3.3: only `"` and `\` are escaped. */
function unquote(text: string): string | undefined {
  const inner = /^"((?:[^"\\]|\\["\\])*)"$/.exec(text)?.[1];
  return inner?.replace(/\\(["\\])/g, "$1");
}
