import { fromBase64 } from "../../../base64";

/** One element of DER: its tag, where its content begins and where it ends. */
interface Element {
  tag: number;
  start: number;
  end: number;
}

/**
 * The SubjectPublicKeyInfo of an X.509 certificate in PEM, for WebCrypto; undefined for any other text. Verifies neither issuer nor dates: its source is
 * trusted.
 */
export function publicKeyOf(pem: string): Uint8Array | undefined {
  const text = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]{1,20000})-----END CERTIFICATE-----/.exec(pem)?.[1];
  const der = fromBase64(text?.replaceAll(/\s/g, "") ?? "");
  if (der === undefined) return undefined;
  try {
    const certificate = elementAt(der, 0);
    const tbs = elementAt(der, certificate.start);
    // version [0]?, serial, algorithm, issuer, validity, subject, then the key.
    let at = tbs.start;
    if (elementAt(der, at).tag === 0xa0) at = elementAt(der, at).end;
    for (let passed = 0; passed < 5; passed++) at = elementAt(der, at).end;
    const key = elementAt(der, at);
    return key.tag === 0x30 && key.end <= tbs.end ? der.slice(at, key.end) : undefined;
  } catch {
    // Not DER.
    return undefined;
  }
}

/** Throws when the element exceeds the bytes. */
function elementAt(der: Uint8Array, at: number): Element {
  const [tag, first] = [der[at], der[at + 1]];
  if (tag === undefined || first === undefined) throw new RangeError("the bytes end within an element");
  const count = first < 0x80 ? 0 : first & 0x7f;
  if (count > 4) throw new RangeError("the length of an element is too long");
  let length = count === 0 ? first : 0;
  for (let index = 0; index < count; index++) length = length * 256 + (der[at + 2 + index] ?? 0);
  const start = at + 2 + count;
  if (start + length > der.byteLength) throw new RangeError("the bytes end within an element");
  return { tag, start, end: start + length };
}
