/** How a picture must be turned to be seen upright, 1 to 8 as EXIF counts; 5 to 8 swap width and height. */
export type Orientation = number;

const orientationTag = 0x0112;
const short = 3;
/** Some writers keep the number in 32 bits, and decoders follow it. */
const long = 4;
const maxEntries = 1000;

/** The orientation in an EXIF block, which is a TIFF file; 1 where it has none, or none that can be read. */
export function orientationIn(tiff: Uint8Array): Orientation {
  if (tiff.length < 14) return 1;
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength);
  const order = view.getUint16(0);
  if (order !== 0x4949 && order !== 0x4d4d) return 1;
  const little = order === 0x4949;
  const directory = view.getUint32(4, little);
  if (directory + 2 > tiff.length) return 1;
  const entries = Math.min(view.getUint16(directory, little), maxEntries);
  for (let index = 0; index < entries; index++) {
    const entry = directory + 2 + index * 12;
    if (entry + 12 > tiff.length) return 1;
    const type = view.getUint16(entry + 2, little);
    if (view.getUint16(entry, little) !== orientationTag || (type !== short && type !== long)) continue;
    const value = type === short ? view.getUint16(entry + 8, little) : view.getUint32(entry + 8, little);
    return value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
}
