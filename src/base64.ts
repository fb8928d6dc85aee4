/** Bytes of one step, so that no call has a million arguments; a multiple of three, so that the pieces can be joined. */
const step = 3 * 8192;

export function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.byteLength; at += step) text += btoa(String.fromCharCode(...bytes.subarray(at, at + step)));
  return text;
}

/** Base64 in the alphabet for URLs, without padding. */
export function toBase64url(bytes: Uint8Array): string {
  return toBase64(bytes)
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/(?<!=)=+$/, "");
}

/** Bytes of base64 in either alphabet, padded or not; undefined when it is not base64. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  const plain = text
    .replaceAll("-", "+")
    .replaceAll("_", "/")
    .replace(/={1,2}$/, "");
  if (!/^[A-Za-z0-9+/]*$/.test(plain) || plain.length % 4 === 1) return undefined;
  return Uint8Array.from(atob(plain), (char) => char.charCodeAt(0));
}
