import { withCommas } from "../decimal";
import { imageSize } from "image-size";
import { readAvif, readPng, readWebp } from "./chunks";
import type { Orientation } from "./exif";
import { type Format, formatOf } from "./format";
import { readGif } from "./gif";
import { readJpeg } from "./jpeg";
import type { Size, Structure } from "./structure";

/** Bytes that an original may have: one is held in memory at a time. */
export const maxOriginalBytes = 20 * 1024 * 1024;
/** Width × height × frames, as declared by the header; Cloudflare Images takes no more. */
const maxPixels = 100_000_000;

/** The properties of a picture that are read before anything is decoded. */
export interface PictureFacts extends Size {
  format: Format;
  /** Width and height are those of the upright picture. */
  orientation: Orientation;
  frames: number;
}

type Inspected = { ok: true; facts: PictureFacts } | { ok: false; issue: string };

const readers: Record<Format, (bytes: Uint8Array) => Structure | null> = { jpeg: readJpeg, png: readPng, gif: readGif, webp: readWebp, avif: readAvif };

/** Whether bytes are a whole picture within the limits, by their structure alone. The cost is linear in their number; nothing is decoded. */
export function inspect(bytes: Uint8Array): Inspected {
  if (bytes.length > maxOriginalBytes) return { ok: false, issue: tooManyBytes(bytes.length) };
  const sniffed = formatOf(bytes);
  if (!sniffed.ok) return { ok: false, issue: `the object is ${sniffed.found}, not a JPEG, PNG, GIF, WebP or AVIF` };
  const structure = readers[sniffed.format](bytes);
  const size = structure && sizeIn(structure.head);
  if (!structure || !size) return { ok: false, issue: `the ${sniffed.format} is broken or cut off` };
  const { orientation, frames, min } = structure;
  const raw = { width: Math.max(size.width, min?.width ?? 0), height: Math.max(size.height, min?.height ?? 0) };
  const issue = limitIssue(raw, frames);
  return issue ? { ok: false, issue } : { ok: true, facts: { format: sniffed.format, ...upright(raw, orientation), orientation, frames } };
}

export function tooManyBytes(bytes: number): string {
  return `the object has ${withCommas(bytes)} bytes, at most ${withCommas(maxOriginalBytes)} are taken`;
}

/** The size in the header; null where it cannot be read. Of the pictures in one file the largest counts. */
export function sizeIn(head: Uint8Array): Size | null {
  try {
    const { width, height, images = [] } = imageSize(head);
    const [largest] = [{ width, height }, ...images].toSorted((a, b) => b.width * b.height - a.width * a.height);
    return largest && largest.width > 0 && largest.height > 0 ? { width: largest.width, height: largest.height } : null;
  } catch {
    return null;
  }
}

function limitIssue({ width, height }: Size, frames: number): string | null {
  if (width * height * frames <= maxPixels) return null;
  const what = `${width} × ${height} pixels${frames > 1 ? ` in ${frames} frames` : ""}`;
  return `the picture declares ${what}, at most ${withCommas(maxPixels)} pixels in all are decoded`;
}

function upright({ width, height }: Size, orientation: Orientation): Size {
  return orientation >= 5 ? { width: height, height: width } : { width, height };
}
