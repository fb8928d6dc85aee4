import { orientationIn } from "./exif";
import type { Structure } from "./structure";
import { hasText } from "./jpeg";

const maxChunks = 100_000;
/** AVIF keeps its header in nested boxes at the beginning; looking for one costs the square of this. */
const avifHead = 16 * 1024;

/** A PNG is a row of chunks up to IEND. Null: it ends before that. */
export function readPng(bytes: Uint8Array): Structure | null {
  const view = dataView(bytes);
  const structure: Structure = { head: bytes.subarray(0, 64), orientation: 1, frames: 1 };
  for (let at = 8, count = 0; at + 12 <= bytes.length && count < maxChunks; count++) {
    const length = view.getUint32(at);
    const data = bytes.subarray(at + 8, at + 8 + length);
    if (data.length < length) return null;
    if (hasText(bytes, at + 4, "eXIf")) structure.orientation = orientationIn(data);
    if (hasText(bytes, at + 4, "acTL") && length === 8) structure.frames = Math.max(1, view.getUint32(at + 8));
    if (hasText(bytes, at + 4, "IEND")) return structure;
    at += 12 + length;
  }
  return null;
}

/** A WebP is a RIFF of chunks. Null: it is shorter than its header states. */
export function readWebp(bytes: Uint8Array): Structure | null {
  const view = dataView(bytes);
  if (bytes.length < 30) return null;
  const end = view.getUint32(4, true) + 8;
  if (end > bytes.length) return null;
  const structure: Structure = { head: bytes.subarray(0, 64), orientation: 1, frames: 0 };
  for (let at = 12, count = 0; at + 8 <= end && count < maxChunks; count++) {
    const length = view.getUint32(at + 4, true);
    if (at + 8 + length > end) return null;
    if (hasText(bytes, at, "EXIF")) structure.orientation = orientationIn(tiffIn(bytes.subarray(at + 8, at + 8 + length)));
    if (hasText(bytes, at, "ANMF")) structure.frames++;
    // Chunks begin at even places.
    at += 8 + length + (length % 2);
  }
  return { ...structure, frames: Math.max(1, structure.frames) };
}

/** Some writers put JPEG's mark before the TIFF. */
function tiffIn(exif: Uint8Array): Uint8Array {
  return hasText(exif, 0, "Exif\0\0") ? exif.subarray(6) : exif;
}

/** An AVIF is a row of boxes. Null: one of them reaches beyond the end. Its turn is part of the format: the decoder applies it. */
export function readAvif(bytes: Uint8Array): Structure | null {
  const view = dataView(bytes);
  for (let at = 0, count = 0; at + 8 <= bytes.length && count < maxChunks; count++) {
    const length = view.getUint32(at);
    // 0: up to the end; 1: the length follows in eight bytes.
    const size = length === 0 ? bytes.length - at : length === 1 && at + 16 <= bytes.length ? Number(view.getBigUint64(at + 8)) : length;
    if (size < 8 || at + size > bytes.length) return null;
    at += size;
  }
  return { head: bytes.subarray(0, avifHead), orientation: 1, frames: 1 };
}

function dataView(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
