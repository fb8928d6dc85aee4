import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { orientationIn } from "../../src/images/exif";
import { formatOf } from "../../src/images/format";
import { inspect, maxOriginalBytes } from "../../src/images/inspect";
import { withoutMetadata } from "../../src/images/jpeg";
import { planned } from "../../src/images/plan";
import { growsTooFast } from "../support/growth";
import { picture } from "../support/pictures";
import { blackPng, chunk, joined } from "../support/png";

const text = (content: string) => new TextEncoder().encode(content);
const issueOf = (bytes: Uint8Array) => {
  const inspected = inspect(bytes);
  return inspected.ok ? inspected.facts : inspected.issue;
};

describe("what a picture says of itself", () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8] as const)("orientation %i of a JPEG: the size is that of the upright picture", (orientation) => {
    expect(issueOf(picture(`orientation${orientation}`))).toEqual({ format: "jpeg", width: 64, height: 48, orientation, frames: 1 });
  });

  test.each([
    ["png", { format: "png", orientation: 1, frames: 1 }],
    ["webp", { format: "webp", orientation: 1, frames: 1 }],
    ["webpTurned", { format: "webp", orientation: 6, frames: 1 }],
    ["webpAnimated", { format: "webp", orientation: 1, frames: 3 }],
    ["avif", { format: "avif", orientation: 1, frames: 1 }],
    ["cmyk", { format: "jpeg", orientation: 1, frames: 1 }],
    ["gif", { format: "gif", orientation: 1, frames: 3 }],
  ] as const)("%s", (name, facts) => {
    expect(issueOf(picture(name))).toEqual({ width: 64, height: 48, ...facts });
  });

  test.each([true, false])("an orientation in 32 bits counts as well (little endian %j)", (little) => {
    const exif = new DataView(new ArrayBuffer(26));
    exif.setUint16(0, little ? 0x4949 : 0x4d4d);
    exif.setUint32(4, 8, little);
    exif.setUint16(8, 1, little);
    exif.setUint16(10, 0x0112, little);
    exif.setUint16(12, 4, little);
    exif.setUint32(14, 1, little);
    exif.setUint32(18, 6, little);
    expect(orientationIn(new Uint8Array(exif.buffer))).toBe(6);
  });

  test("a PNG may say that it is turned, and how many frames it has", async () => {
    const png = await blackPng(20, 10);
    const exif = Uint8Array.from([0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 8, 0, 0, 0, 0, 0, 0]);
    const animation = Uint8Array.from([0, 0, 0, 7, 0, 0, 0, 0]);
    const turned = joined([png.subarray(0, 33), chunk("eXIf", exif), chunk("acTL", animation), png.subarray(33)]);
    expect(issueOf(turned)).toEqual({ format: "png", width: 10, height: 20, orientation: 8, frames: 7 });
  });
});

describe("what is refused before anything is decoded", () => {
  test.each([
    [text("<!doctype html><script>1</script>"), "text such as SVG or HTML"],
    [text('\ufeff  \n<svg xmlns="http://www.w3.org/2000/svg"/>'), "text such as SVG or HTML"],
    [text("%PDF-1.7"), "a PDF"],
    [picture("tiff"), "a TIFF"],
    [new Uint8Array(), "empty"],
    [text("\0\0\0\x18ftypheic\0\0\0\0heicmif1"), "HEIC"],
    [text("\0\0\0\x18ftypavis\0\0\0\0avismif1"), "an animated AVIF"],
    [text("\0\0\0\x18ftypisom\0\0\0\0isommp42"), "a video"],
    [text("just text"), "of an unknown kind"],
  ])("%#: it is %s", (bytes, found) => {
    expect(formatOf(bytes)).toEqual({ ok: false, found });
    expect(issueOf(bytes)).toBe(`the object is ${found}, not a JPEG, PNG, GIF, WebP or AVIF`);
  });

  test.each(["orientation1", "cmyk", "png", "webp", "webpAnimated", "avif", "gif"] as const)("%s that is cut off anywhere", (name) => {
    const whole = picture(name);
    const { format } = issueOf(whole) as { format: string };
    for (const share of [0.3, 0.6, 0.9, 0.99]) {
      const issue = issueOf(whole.subarray(0, Math.floor(whole.length * share)));
      expect(issue, `${share}`).toBe(`the ${format} is broken or cut off`);
    }
  });

  test("a bomb: few bytes that declare many pixels", async () => {
    const bomb = await blackPng(12_000, 12_000);
    expect(bomb.length).toBeLessThan(100_000);
    expect(issueOf(bomb)).toBe("the picture declares 12000 × 12000 pixels, at most 100,000,000 pixels in all are decoded");
    expect(issueOf(await blackPng(8, 8, { width: 4_000_000_000, height: 4_000_000_000 }))).toMatch(/^the picture declares/);
  });

  test("a bomb of frames, and of a frame that is larger than its screen", async () => {
    const png = await blackPng(1000, 1000);
    const frames = Uint8Array.from([0, 0, 0, 200, 0, 0, 0, 0]);
    expect(issueOf(joined([png.subarray(0, 33), chunk("acTL", frames), png.subarray(33)]))).toBe(
      "the picture declares 1000 × 1000 pixels in 200 frames, at most 100,000,000 pixels in all are decoded",
    );
    const gif = picture("gif");
    const frame = gif.indexOf(0x2c, 13 + 3 * 2 ** (((gif[10] ?? 0) & 7) + 1));
    gif.set([0xff, 0xff, 0xff, 0xff], frame + 5);
    expect(issueOf(gif)).toBe("the picture declares 65535 × 65535 pixels in 3 frames, at most 100,000,000 pixels in all are decoded");
  });

  test("more bytes than are taken", () => {
    expect(issueOf(new Uint8Array(maxOriginalBytes + 1))).toBe("the object has 20,971,521 bytes, at most 20,971,520 are taken");
  });

  test("junk in any place: it always ends with facts or an issue", () => {
    const names = ["orientation6", "png", "webp", "webpAnimated", "avif", "gif"] as const;
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(fc.constantFrom(...names), damage, fc.nat(), (name, places, cut) => {
        const bytes = picture(name);
        for (const [at, value] of places) bytes[at % Math.min(bytes.length, 300)] = value;
        const inspected = inspect(cut % 2 === 0 ? bytes : bytes.subarray(0, cut % bytes.length));
        if (inspected.ok) expect(inspected.facts.width * inspected.facts.height * inspected.facts.frames).toBeLessThanOrEqual(100_000_000);
        else expect(inspected.issue).not.toBe("");
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ["a JPEG of fill bytes", (size: number) => joined([Uint8Array.of(0xff, 0xd8, 0xff), new Uint8Array(size).fill(0xff)])],
    ["a JPEG of zeros", (size: number) => joined([Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 2), new Uint8Array(size)])],
    ["a GIF of empty extensions", (size: number) => joined([text("GIF89a\x10\0\x10\0\0\0\0"), new Uint8Array(size).fill(0x21)])],
    [
      "an AVIF of small boxes",
      (size: number) => joined([text("\0\0\0\x18ftypavif\0\0\0\0avifmif1"), repeated("\0\0\0\x14ispe\0\0\0\0\0\0\0\0\0\0\0\0", size)]),
    ],
    ["a WebP of empty chunks", (size: number) => joined([riff(size), repeated("ABCD\0\0\0\0", size)])],
  ])("%s costs no more than its length says", (_name, make) => {
    const bytes = new Map([1_000_000, 4_000_000].map((size) => [size, make(size)]));
    expect(growsTooFast((size) => void inspect(bytes.get(size) ?? new Uint8Array()), 1_000_000)).toBe(false);
  });
});

describe("a JPEG without metadata", () => {
  test("keeps its pixels and loses name, place and comment", () => {
    const whole = picture("orientation6");
    const bare = withoutMetadata(whole);
    expect(new TextDecoder("latin1").decode(whole)).toContain("Ada Lovelace");
    expect(new TextDecoder("latin1").decode(bare)).not.toMatch(/Ada Lovelace|Secret Street|Exif/);
    expect(issueOf(bare)).toEqual({ format: "jpeg", width: 48, height: 64, orientation: 1, frames: 1 });
    expect(withoutMetadata(bare)).toBe(bare);
  });
});

describe("the size that is planned", () => {
  test.each([
    [
      { width: 4000, height: 3000 },
      { width: 320, height: 320, fit: "scale-down" },
      { width: 320, height: 240 },
    ],
    [
      { width: 100, height: 80 },
      { width: 320, height: 320, fit: "scale-down" },
      { width: 100, height: 80 },
    ],
    [
      { width: 4000, height: 3000 },
      { width: 320, height: 320, fit: "cover" },
      { width: 320, height: 320 },
    ],
    [
      { width: 100, height: 80 },
      { width: 320, height: 320, fit: "cover" },
      { width: 80, height: 80 },
    ],
    [
      { width: 4000, height: 3000 },
      { width: 320, height: 320, fit: "pad" },
      { width: 320, height: 320 },
    ],
    [
      { width: 100, height: 80 },
      { width: 320, height: 320, fit: "pad" },
      { width: 100, height: 100 },
    ],
    [
      { width: 9000, height: 1 },
      { width: 90, height: 90, fit: "scale-down" },
      { width: 90, height: 1 },
    ],
  ] as const)("%o in %o is %o", (source, box, size) => expect(planned(source, box)).toEqual(size));

  test("is never larger than the box, and holds no more than the picture has", () => {
    const side = fc.integer({ min: 1, max: 12_000 });
    fc.assert(
      fc.property(side, side, side, side, fc.constantFrom("scale-down", "cover", "pad"), (w, h, width, height, fit) => {
        const size = planned({ width: w, height: h }, { width, height, fit });
        expect(size.width >= 1 && size.height >= 1 && size.width <= width && size.height <= height).toBe(true);
        if (fit !== "pad") expect(size.width <= w && size.height <= h).toBe(true);
        else expect(size.width <= w || size.height <= h || (size.width === 1 && size.height === 1)).toBe(true);
      }),
    );
  });
});

function repeated(part: string, size: number): Uint8Array {
  const bytes = text(part);
  return joined(Array.from({ length: Math.floor(size / bytes.length) }, () => bytes));
}

function riff(size: number): Uint8Array {
  const header = text("RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0");
  new DataView(header.buffer).setUint32(4, header.length - 8 + Math.floor(size / 8) * 8, true);
  return header;
}
