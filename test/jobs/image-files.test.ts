import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { setHumanText } from "../../src/domain/media/store";
import { cloudflareImages } from "../../src/providers/images/cloudflare";
import { picture } from "../support/pictures";
import { blackPng, pixelsOf } from "../support/png";
import { now, binding, small, tenant, counted, run, runWith, put, kept, stored, asPng, streamOf, colour, fakeBinding, useImages } from "./image-run";

useImages();

describe("a photograph", () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8] as const)("of orientation %i is upright in every format, without metadata", async (orientation) => {
    await put("photo.jpg", picture(`orientation${orientation}`));
    const formats = ["webp", "avif", "jpeg"] as const;
    const ended = await run("photo.jpg", ...formats.map((format) => ({ ...small, format })));
    const size = { width: 32, height: 24, made: true };
    expect(ended).toBeDone({ variants: formats.map((format) => ({ name: `32x32-scale-down.${format}`, ...size })) });
    for (const variant of (await kept("photo.jpg"))?.variants ?? []) {
      const bytes = await stored(variant.object);
      expect(new TextDecoder("latin1").decode(bytes)).not.toMatch(/Exif|Ada|Secret/);
      const { at } = await pixelsOf(await asPng(bytes));
      expect([at(5, 5), at(26, 5), at(5, 18), at(26, 18)].map(colour)).toEqual(["red", "green", "blue", "white"]);
    }
    expect(await kept("photo.jpg")).toMatchObject({ format: "jpeg", width: 64, height: 48, issue: null });
  });

  test.each(["png", "webp", "webpTurned", "avif", "gif", "webpAnimated"] as const)("as %s becomes its first frame", async (name) => {
    await put("photo", picture(name));
    expect(await run("photo", small)).toBeDone({ variants: [{ width: 32, height: 24 }] });
    const [variant] = (await kept("photo"))?.variants ?? [];
    const { at } = await pixelsOf(await asPng(await stored(variant?.object ?? "")));
    expect([at(5, 5), at(26, 5), at(5, 18), at(26, 18)].map(colour)).toEqual(["red", "green", "blue", "white"]);
  });

  test("in CMYK becomes RGB", async () => {
    await put("print.jpg", picture("cmyk"));
    await run("print.jpg", small);
    const [variant] = (await kept("print.jpg"))?.variants ?? [];
    const { at } = await pixelsOf(await asPng(await stored(variant?.object ?? "")));
    expect([at(5, 5), at(26, 5), at(5, 18), at(26, 18)].map(colour)).toEqual(["red", "green", "blue", "white"]);
  });

  test.each([
    [{ width: 500, height: 500, fit: "scale-down" }, 64, 48],
    [{ width: 20, height: 20, fit: "cover" }, 20, 20],
    [{ width: 500, height: 500, fit: "cover" }, 48, 48],
    [{ width: 20, height: 20, fit: "pad" }, 20, 20],
    [{ width: 500, height: 500, fit: "pad" }, 64, 64],
  ] as const)("in the box %o measures %i × %i: it is never enlarged", async (box, width, height) => {
    await put("photo.jpg", picture("orientation6"));
    expect(await run("photo.jpg", { type: "thumbnail", ...box })).toBeDone({ variants: [{ width, height }] });
    const [variant] = (await kept("photo.jpg"))?.variants ?? [];
    expect(await binding.info(streamOf(await stored(variant?.object ?? "")))).toMatchObject({ format: "image/webp", width, height });
  });
});

describe("an object of which nothing can be made", () => {
  test.each([
    ["HTML named .jpg", "photo.jpg", new TextEncoder().encode("<html><script>alert(1)</script>"), /^the object is text such as SVG or HTML/],
    ["an SVG", "logo.svg", new TextEncoder().encode('<svg xmlns="http://www.w3.org/2000/svg"/>'), /^the object is text such as SVG or HTML/],
    ["a truncated JPEG", "cut.jpg", picture("orientation1").slice(0, 700), /^the jpeg is broken or cut off$/],
    ["a TIFF", "scan.tif", picture("tiff"), /^the object is a TIFF/],
    ["nothing", "empty.png", new Uint8Array(), /^the object is empty/],
  ] as [string, string, Uint8Array<ArrayBuffer>, RegExp][])(
    "%s is a permanent failure with its reason, and nothing was decoded",
    async (_name, key, bytes, reason) => {
      const calls = counted();
      await put(key, bytes);
      expect(await run(key, small)).toBeDiscarded(reason);
      expect(calls).toEqual({ reads: 1, renders: 0 });
      expect(await kept(key)).toMatchObject({ format: null, issue: expect.stringMatching(reason) as string, variants: [] });
    },
  );

  test("a bomb is refused by what its header declares", async () => {
    const calls = counted();
    await put("bomb.png", await blackPng(12_000, 12_000));
    expect(await run("bomb.png", small)).toBeDiscarded(/12000 × 12000/);
    expect(calls.renders).toBe(0);
  });

  test("one that is too large is not read", async () => {
    await put("large.jpg", new Uint8Array(20 * 1024 * 1024 + 1));
    expect(await run("large.jpg", small)).toBeDiscarded("the object has 20,971,521 bytes, at most 20,971,520 are taken");
  });

  test("a whole file whose pixels are junk is found out by the decoder", async () => {
    const png = await blackPng(40, 40);
    png.fill(7, 45, png.length - 20);
    await put("junk.png", png);
    expect(await run("junk.png", small)).toBeDiscarded("images: 9523, the picture was refused");
    expect(await kept("junk.png")).toMatchObject({ format: "png", width: 40, issue: "images: 9523, the picture was refused" });
  });

  test("what the decoder refuses is said where the picture is read, until it can be read", async () => {
    await put("broken.jpg", picture("orientation1"));
    const refusing = cloudflareImages(fakeBinding(() => Promise.reject(new Error("Input buffer: premature end of JPEG image"))));
    expect(await runWith(refusing, "broken.jpg", small)).toBeDiscarded();
    const issue = "images: the picture cannot be decoded";
    expect(await kept("broken.jpg")).toMatchObject({ format: "jpeg", width: 64, issue });
    await setHumanText({ db: env.DB, tenant, key: "broken.jpg" }, "By hand", now);
    expect(await run("broken.jpg", { type: "alt-text" })).toBeDone();
    expect(await kept("broken.jpg")).toMatchObject({ issue });
    expect(await run("broken.jpg", small)).toBeDone();
    expect(await kept("broken.jpg")).toMatchObject({ issue: null, variants: [{ width: 32 }] });
  });

  test("is one dead letter: a job that only writes the text is done, with a note", async () => {
    await put("cut.jpg", picture("orientation1").subarray(0, 900));
    const broken = "the jpeg is broken or cut off";
    expect(await run("cut.jpg", { type: "alt-text" })).toBeDone({ note: `there is no alt text: ${broken}` });
    expect(await run("cut.jpg", small, { type: "alt-text" })).toBeDiscarded(broken);
    expect(await kept("cut.jpg")).toMatchObject({ issue: broken });
  });

  test("one that is gone is done, with a note", async () => {
    expect(await run("never.jpg", small)).toBeDone({ note: "the object was removed or replaced" });
  });
});

describe("a code of the Images binding", () => {
  const failing = (code: number | undefined, message = "ERROR") =>
    cloudflareImages(fakeBinding(() => Promise.reject(Object.assign(new Error(message), code === undefined ? {} : { code }))));

  test.each([9401, 9402, 9403, 9412, 9413, 9520, 9523])("%i is permanent", async (code) => {
    await put("photo.jpg", picture("orientation1"));
    expect(await runWith(failing(code), "photo.jpg", small)).toBeDiscarded(new RegExp(`^images: ${code}, `));
  });

  test("9422, the account's limit, waits and counts no attempt", async () => {
    await put("photo.jpg", picture("orientation1"));
    expect(await runWith(failing(9422), "photo.jpg", small)).toHaveWaited(/9422/);
  });

  test.each([
    [undefined, "500 Internal Server Error"],
    [9999, "ERROR 9999"],
  ])("%s, which says nothing, is tried three times at most", async (code, message) => {
    await put("photo.jpg", picture("orientation1"));
    const first = await runWith(failing(code, message), "photo.jpg", small);
    expect(first).toBeRetried();
    const second = await first.next();
    expect(second).toBeRetried();
    expect(await second.next()).toBeDiscarded();
  });
});
