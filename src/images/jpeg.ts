import { orientationIn } from "./exif";
import type { Structure } from "./structure";

/** One segment before the pixels; `end` is exclusive. */
interface Segment {
  marker: number;
  start: number;
  end: number;
}

const startOfScan = 0xda;
const endOfImage = 0xd9;
const comment = 0xfe;
/** Application segments that are needed to read the pixels: 2 has the colour profile, 14 is Adobe's, which marks CMYK. */
const telling = [0xe2, 0xee];
const maxSegments = 5000;

/** The segments of a JPEG are one after the other up to the pixels, and an end mark follows these. */
export function readJpeg(bytes: Uint8Array): Structure | null {
  const segments = segmentsOf(bytes);
  const scan = segments?.at(-1);
  if (!segments || scan?.marker !== startOfScan || !hasEnd(bytes, scan.end)) return null;
  const exif = segments.find(({ marker, start }) => marker === 0xe1 && hasText(bytes, start + 4, "Exif\0\0"));
  // image-size gets a chain of segments that was followed already: it would walk a broken one byte by byte.
  return { head: bytes.subarray(0, scan.end), orientation: exif ? orientationIn(bytes.subarray(exif.start + 10, exif.end)) : 1, frames: 1 };
}

/** The JPEG without EXIF, XMP, IPTC and comments; with its colour profile. What is no JPEG comes back as it is. */
export function withoutMetadata(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const segments = segmentsOf(bytes);
  if (!segments) return bytes;
  const isMetadata = ({ marker }: Segment) => marker === comment || (marker >= 0xe1 && marker <= 0xef && !telling.includes(marker));
  const dropped = segments.filter(isMetadata);
  if (dropped.length === 0) return bytes;
  const kept = new Uint8Array(bytes.length - dropped.reduce((sum, { start, end }) => sum + end - start, 0));
  let from = 0;
  let to = 0;
  for (const { start, end } of [...dropped, { start: bytes.length, end: bytes.length }]) {
    kept.set(bytes.subarray(from, start), to);
    to += start - from;
    from = end;
  }
  return kept;
}

/** Null where the chain is broken. */
function segmentsOf(bytes: Uint8Array): Segment[] | null {
  const segments: Segment[] = [];
  let at = 2;
  while (segments.length < maxSegments) {
    if (bytes[at] !== 0xff) return null;
    // Any number of fill bytes may stand before a marker.
    if (bytes[at + 1] === 0xff) {
      at++;
      continue;
    }
    const marker = bytes[at + 1] ?? 0;
    const end = at + 2 + (((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0));
    if (marker < 0xc0 || end < at + 4 || end > bytes.length) return null;
    segments.push({ marker, start: at, end });
    if (marker === startOfScan) return segments;
    at = end;
  }
  return null;
}

/** Some cameras write more behind the end mark. */
function hasEnd(bytes: Uint8Array, pixels: number): boolean {
  for (let at = bytes.lastIndexOf(endOfImage); at > pixels; at = bytes.lastIndexOf(endOfImage, at - 1)) {
    if (bytes[at - 1] === 0xff) return true;
  }
  return false;
}

export function hasText(bytes: Uint8Array, at: number, text: string): boolean {
  for (let index = 0; index < text.length; index++) if (bytes[at + index] !== text.charCodeAt(index)) return false;
  return true;
}
