/** Bytes of one step, so that no call has a million arguments; a multiple of three, so that the pieces can be joined. */
const step = 3 * 8192;

export function base64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.byteLength; at += step) text += btoa(String.fromCharCode(...bytes.subarray(at, at + step)));
  return text;
}
