// node_modules/.bin/node scripts/pictures.ts: makes test/support/pictures.ts, the photographs of the tests. Needs no network.
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import sharp, { type Sharp } from "sharp";

const width = 64;
const height = 48;

/** Upright: red and green above, blue and white below. */
const corners = { red: [220, 30, 30], green: [30, 200, 30], blue: [30, 30, 220], white: [240, 240, 240] };

function upright(): Buffer {
  const pixels = Buffer.alloc(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const above = y < height / 2;
      const left = x < width / 2;
      const colour = above ? (left ? corners.red : corners.green) : left ? corners.blue : corners.white;
      pixels.set(colour, (y * width + x) * 3);
    }
  }
  return pixels;
}

const photo = () => sharp(upright(), { raw: { width, height, channels: 3 } });

/** How a camera that was held differently stores the same scene. */
const turned: Record<number, () => Sharp> = {
  1: photo,
  2: () => photo().flop(),
  3: () => photo().rotate(180),
  4: () => photo().flip(),
  5: () => photo().rotate(270).flop(),
  6: () => photo().rotate(270),
  7: () => photo().rotate(90).flop(),
  8: () => photo().rotate(90),
};

async function made(): Promise<Record<string, Buffer>> {
  const pictures: Record<string, Buffer> = {};
  for (const [orientation, take] of Object.entries(turned)) {
    const raw = await take().raw().toBuffer({ resolveWithObject: true });
    const { width: w, height: h } = raw.info;
    const stored = sharp(raw.data, { raw: { width: w, height: h, channels: 3 } });
    // A place and a name, which no result may hold.
    const exif = { IFD0: { Artist: "Ada Lovelace", Copyright: "Secret Street 5" } };
    pictures[`orientation${orientation}`] = await stored
      .jpeg({ quality: 90 })
      .withExif(exif)
      .withMetadata({ orientation: Number(orientation), exif })
      .toBuffer();
  }
  pictures["png"] = await photo().png().toBuffer();
  pictures["webp"] = await photo().webp().toBuffer();
  pictures["webpTurned"] = await sharp(await turned[6]?.().png().toBuffer())
    .webp()
    .withMetadata({ orientation: 6 })
    .toBuffer();
  pictures["avif"] = await photo().avif().toBuffer();
  pictures["cmyk"] = await photo().toColourspace("cmyk").jpeg().toBuffer();
  const frames = [photo(), photo().negate(), photo().flop()].map((frame) => frame.png().toBuffer());
  pictures["gif"] = await sharp(await Promise.all(frames), { join: { animated: true } })
    .gif({ loop: 0, delay: [100, 100, 100] })
    .toBuffer();
  pictures["webpAnimated"] = await sharp(await Promise.all(frames), { join: { animated: true } })
    .webp({ loop: 0, delay: [100, 100, 100] })
    .toBuffer();
  pictures["tiff"] = await photo().tiff({ compression: "jpeg" }).toBuffer();
  return pictures;
}

const pictures = await made();
const lines = Object.entries(pictures).map(([name, bytes]) => {
  if (bytes.length > 60_000) throw new Error(`${name} has ${bytes.length} bytes`);
  return `  ${name}: "${bytes.toString("base64")}",`;
});
const text = `// Made by scripts/pictures.ts: 64 × 48 pixels, red and green above, blue and white below.
const base64 = {
${lines.join("\n")}
};

/** The bytes of a photograph of the tests; each call gives its own. */
export function picture(name: keyof typeof base64): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64[name]), (character) => character.charCodeAt(0));
}
`;
writeFileSync(resolve(import.meta.dirname, "../test/support/pictures.ts"), text);
console.log(
  Object.entries(pictures)
    .map(([name, bytes]) => `${name} ${bytes.length}`)
    .join(", "),
);
