import type { Structure } from "./structure";

const extension = 0x21;
const image = 0x2c;
const trailer = 0x3b;

/** Frames and true size of a GIF: a frame may be larger than the screen that the header declares. Null: it ends within a block. */
export function readGif(bytes: Uint8Array): Structure | null {
  if (bytes.length < 13) return null;
  const structure: Structure = { head: bytes.subarray(0, 13), orientation: 1, frames: 0, min: { width: uint16At(bytes, 6), height: uint16At(bytes, 8) } };
  let at = 13 + tableSize(bytes[10] ?? 0);
  while (at < bytes.length && bytes[at] !== trailer) {
    const isImage = bytes[at] === image;
    if (!isImage && bytes[at] !== extension) return null;
    if (isImage) addFrame(structure, bytes, at);
    const next = behindBlocks(bytes, isImage ? at + 11 + tableSize(bytes[at + 9] ?? 0) : at + 2);
    if (next === null) return null;
    at = next;
  }
  return structure.frames > 0 ? structure : null;
}

function addFrame(structure: Structure, bytes: Uint8Array, at: number): void {
  const { width = 0, height = 0 } = structure.min ?? {};
  structure.frames++;
  structure.min = {
    width: Math.max(width, uint16At(bytes, at + 1) + uint16At(bytes, at + 5)),
    height: Math.max(height, uint16At(bytes, at + 3) + uint16At(bytes, at + 7)),
  };
}

/** Data come in blocks that begin with their length; an empty one ends them. */
function behindBlocks(bytes: Uint8Array, from: number): number | null {
  for (let at = from; at < bytes.length;) {
    const length = bytes[at] ?? 0;
    at += 1 + length;
    if (length === 0) return at;
  }
  return null;
}

function tableSize(flags: number): number {
  return (flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1);
}

function uint16At(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
}
