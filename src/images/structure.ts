import type { Orientation } from "./exif";

/** In pixels. */
export interface Size {
  width: number;
  height: number;
}

/** How a file is built. `head`: the part that holds its size. `least`: it is at least as large as this. */
export interface Structure {
  head: Uint8Array;
  orientation: Orientation;
  frames: number;
  min?: Size;
}
