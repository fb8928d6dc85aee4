/** Kinds of pictures that are taken in. */
export const formats = ["jpeg", "png", "gif", "webp", "avif"] as const;
export type Format = (typeof formats)[number];

/** Bytes at the beginning of a file that identify its format. */
export const headBytes = 64;

/** What a file is by its first bytes: its name and the sender's content type are not asked. `found` names anything else. */
export function formatOf(head: Uint8Array): { ok: true; format: Format } | { ok: false; found: string } {
  const text = Array.from(head.subarray(0, headBytes), (byte) => String.fromCharCode(byte)).join("");
  const format = pictures.find(([, matches]) => matches(text))?.[0];
  if (format) return { ok: true, format };
  return { ok: false, found: others.find(([, matches]) => matches(text))?.[0] ?? "of an unknown kind" };
}

export function contentTypeOf(format: Format): string {
  return `image/${format}`;
}

type Matches = (text: string) => boolean;

const begins =
  (...beginnings: string[]): Matches =>
  (text) =>
    beginnings.some((each) => text.startsWith(each));

const pictures: readonly [Format, Matches][] = [
  ["jpeg", begins("\xff\xd8\xff")],
  ["png", begins("\x89PNG\r\n\x1a\n")],
  ["gif", begins("GIF87a", "GIF89a")],
  ["webp", (text) => text.startsWith("RIFF") && text.slice(8, 12) === "WEBP"],
  // A still picture names itself avif, or the general mif1 with avif among the brands behind it.
  ["avif", (text) => brandOf(text) === "avif" || (brandOf(text) === "mif1" && brandsOf(text).includes("avif"))],
];

const others: readonly [string, Matches][] = [
  ["empty", (text) => text === ""],
  ["text such as SVG or HTML", (text) => /^(?:\xef\xbb\xbf)?\s{0,60}</.test(text)],
  ["an animated AVIF", (text) => brandOf(text) === "avis"],
  ["HEIC", (text) => ["heic", "heix", "hevc", "hevx", "mif1", "msf1"].includes(brandOf(text))],
  ["a video", (text) => text.slice(4, 8) === "ftyp"],
  ["a PDF", begins("%PDF-")],
  ["a TIFF", begins("II*\0", "MM\0*")],
  ["a BMP", begins("BM")],
  ["an icon", begins("\0\0\x01\0", "\0\0\x02\0")],
  ["a ZIP archive", begins("PK\x03\x04")],
];

function brandOf(text: string): string {
  return text.slice(4, 8) === "ftyp" ? text.slice(8, 12) : "";
}

/** The compatible brands; the length of their box is in its first four bytes. */
function brandsOf(text: string): string[] {
  const end = Math.min(text.length, text.charCodeAt(3));
  return Array.from({ length: Math.max(0, (end - 16) / 4) }, (_, index) => text.slice(16 + index * 4, 20 + index * 4));
}
