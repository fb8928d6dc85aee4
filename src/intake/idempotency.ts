import * as v from "valibot";
import { sha256Base32 } from "../crypto";
import { Problem } from "../errors";
import { boundedText } from "../queue/bounded";

export const idempotencyHeader = "Idempotency-Key";

/** For a route that reads it. */
export const idempotencyHeaders = { [idempotencyHeader]: "The same key with the same payload is the same job: 1 to 256 characters, in quotes or bare" };

/** Characters. */
export const maxKeyLength = 256;

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
  throw new Problem("invalid", `The header ${idempotencyHeader} is not a key.`, { errors: [{ path: idempotencyHeader, message: rule }] });
}

/** The key of one entry of a list that was sent under `listKey`; `entry` names it the same in every repeat. Beyond 256 characters its hash. */
export async function entryKey(listKey: string, entry: string): Promise<string> {
  const key = `${listKey}:${entry}`;
  return key.length <= maxKeyLength ? key : sha256Base32(key);
}

/** RFC 9651, 3.3.3: only `"` and `\` are escaped. */
function unquote(text: string): string | undefined {
  const inner = /^"((?:[^"\\]|\\["\\])*)"$/.exec(text)?.[1];
  return inner?.replace(/\\(["\\])/g, "$1");
}
