import { toBase64 } from "./base64";

const encoder = new TextEncoder();

/** Crockford's alphabet in lower case: sorted as text, the digits keep their order. */
export const base32Digits = "0123456789abcdefghjkmnpqrstvwxyz";

/** The first `length` base32 digits of bytes; fewer when the bytes hold fewer. */
export function toBase32(bytes: Uint8Array, length: number): string {
  let text = "";
  let buffer = 0;
  let bits = 0;
  for (const byte of bytes) {
    buffer = ((buffer << 8) | byte) & 0xffff;
    bits += 8;
    while (bits >= 5 && text.length < length) {
      bits -= 5;
      text += base32Digits[(buffer >> bits) & 31];
    }
  }
  return text;
}

/** As many random bytes, in base64. */
export function randomBase64(bytes: number): string {
  return toBase64(crypto.getRandomValues(new Uint8Array(bytes)));
}

/** Lower-case hexadecimal. */
export function toHex(bytes: ArrayBuffer | Uint8Array): string {
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export async function sha256(content: string | Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", typeof content === "string" ? encoded(content) : content));
}

/** SHA-256 in lower-case hexadecimal: its first `digits`, by default all 64. */
export async function sha256Hex(content: string | Uint8Array, digits = 64): Promise<string> {
  return toHex(await sha256(content)).slice(0, digits);
}

/** SHA-256 of a text in base32: 51 digits, 255 bits. */
export async function sha256Base32(text: string): Promise<string> {
  return toBase32(await sha256(text), 51);
}

/** Whether two secrets are equal. Both are hashed first, so the comparison takes as long for any text. An empty or missing secret equals nothing. */
export async function equalSecrets(given: string, secret: string | undefined): Promise<boolean> {
  const [one, other] = await Promise.all([sha256(given), sha256(secret ?? "")]);
  return crypto.subtle.timingSafeEqual(one, other) && Boolean(secret);
}

/** Bytes of the longest secret that `secretCheck` takes. */
const maxSecretBytes = 512;

/**
 * Whether a text is this secret, of 1 to 512 bytes and without the character 0. Takes as long for any text: it is compared within a buffer of
 * a fixed length. For what each request asks: hashing, as `equalSecrets` does, costs it two promises more.
 */
export function secretCheck(secret: string): (given: string) => boolean {
  const known = filled(secret);
  return (given) => crypto.subtle.timingSafeEqual(filled(given), known);
}

/** One byte more than a secret has: of a longer text the last is not 0, and what is cut does not count. */
function filled(text: string): Uint8Array {
  const bytes = new Uint8Array(maxSecretBytes + 1);
  encoder.encodeInto(text, bytes);
  return bytes;
}

/** Whether two texts of one fixed length are equal, in constant time. For texts that hold no secret length. */
export function equalTexts(left: string, right: string): boolean {
  const [one, other] = [encoded(left), encoded(right)];
  return one.byteLength === other.byteLength && crypto.subtle.timingSafeEqual(one, other);
}

function encoded(text: string): Uint8Array {
  return encoder.encode(text);
}
