/** In steps, so that no call has a million arguments; each is a multiple of three bytes, so that the pieces join. */
const step = 3 * 8192;

export function base64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.byteLength; at += step) text += btoa(String.fromCharCode(...bytes.subarray(at, at + step)));
  return text;
}
