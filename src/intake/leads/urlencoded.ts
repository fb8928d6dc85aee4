/** The names and values of an urlencoded body as bytes, escapes decoded; the form's charset makes text of them. */
export function urlencodedPairs(body: Uint8Array, maxPairs: number): (readonly [name: Uint8Array, value: Uint8Array])[] | "too-many" {
  const pairs = split(body, ampersand).filter((pair) => pair.length > 0);
  if (pairs.length > maxPairs) return "too-many";
  return pairs.map((pair) => {
    const end = pair.indexOf(equals);
    return end < 0 ? ([unescaped(pair), new Uint8Array()] as const) : ([unescaped(pair.subarray(0, end)), unescaped(pair.subarray(end + 1))] as const);
  });
}

const [percent, ampersand, plus, equals, space] = [0x25, 0x26, 0x2b, 0x3d, 0x20];

function split(bytes: Uint8Array, separator: number): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let start = 0; start <= bytes.length;) {
    const found = bytes.indexOf(separator, start);
    const end = found < 0 ? bytes.length : found;
    parts.push(bytes.subarray(start, end));
    start = end + 1;
  }
  return parts;
}

/** A `%` without two hexadecimal digits stays as it is. */
function unescaped(bytes: Uint8Array): Uint8Array {
  const plain = new Uint8Array(bytes.length);
  let length = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    const code = byte === percent ? hexAt(bytes, at + 1) : undefined;
    if (code !== undefined) at += 2;
    plain[length++] = code ?? (byte === plus ? space : byte);
  }
  return plain.subarray(0, length);
}

function hexAt(bytes: Uint8Array, at: number): number | undefined {
  const digits = String.fromCharCode(bytes[at] ?? 0, bytes[at + 1] ?? 0);
  return /^[0-9a-f]{2}$/i.test(digits) ? Number.parseInt(digits, 16) : undefined;
}
