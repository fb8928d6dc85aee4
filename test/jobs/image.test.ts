import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { createMediaDeps } from "../../src/app/media";
import { type MediaDeps, createMediaWork } from "../../src/domain/media/capability";
import type { AltText } from "../../src/domain/media/model";
import { removeMedia } from "../../src/domain/media/remove";
import type { WorkerEnv } from "../../src/env";
import { image } from "../../src/jobs/image/job";
import { runImage } from "../../src/jobs/image/run";
import { cloudflareImages } from "../../src/providers/images/cloudflare";
import type { Images } from "../../src/providers/images/images";
import { failed, ok, type Reply } from "../../src/queue/effect";
import type { InputOf } from "../../src/queue/job";
import { checkPayload } from "../../src/queue/registry";
import { picture } from "../support/pictures";
import { blackPng, pixelsOf } from "../support/png";
import { workJob, type WorkOptions } from "../support/work-job";

const now = Date.UTC(2026, 10, 26);
const binding = (env as WorkerEnv).IMAGES;
const small = { type: "thumbnail", width: 32, height: 32 } as const;
let tenant = "";
let count = 0;

beforeEach(() => (tenant = `image-${++count}`));

describe("the payload", () => {
  const operations = [small];

  test.each([
    [{ operations }, "payload.key"],
    [{ key: "", operations }, "payload.key"],
    [{ key: "../secret", operations }, "payload.key"],
    [{ key: "a//b", operations }, "payload.key"],
    [{ key: "a\nb", operations }, "payload.key"],
    [{ key: "a/alt-text", operations }, "payload.key"],
    [{ key: "ü".repeat(401), operations }, "payload.key"],
    [{ key: "a.jpg" }, "payload.operations"],
    [{ key: "a.jpg", operations: [] }, "payload.operations"],
    [{ key: "a.jpg", operations: Array.from({ length: 21 }, () => small) }, "payload.operations"],
    [{ key: "a.jpg", operations: [{ type: "blur" }] }, "payload.operations[0].type"],
    [{ key: "a.jpg", operations: [{ ...small, width: "32" }] }, "payload.operations[0].width"],
    [{ key: "a.jpg", operations: [{ ...small, width: 0 }] }, "payload.operations[0].width"],
    [{ key: "a.jpg", operations: [{ ...small, height: 12_001 }] }, "payload.operations[0].height"],
    [{ key: "a.jpg", operations: [{ ...small, height: 1.5 }] }, "payload.operations[0].height"],
    [{ key: "a.jpg", operations: [{ ...small, fit: "squeeze" }] }, "payload.operations[0].fit"],
    [{ key: "a.jpg", operations: [{ ...small, format: "gif" }] }, "payload.operations[0].format"],
    [{ key: "a.jpg", operations: [{ ...small, colour: 1 }] }, "payload.operations[0].colour"],
    [{ key: "a.jpg", operations: [{ type: "alt-text", width: 3 }] }, "payload.operations[0].width"],
  ])("%j is wrong in %s", (payload, path) => expect(image).toRefuse(payload, path));

  test("of an alt text waits for the model's gate, of thumbnails for nothing", () => {
    const gates = (...operations: InputOf<typeof image>["operations"]) => image.gates(parsed({ key: "a.jpg", operations }));
    expect([gates(small), gates({ type: "alt-text" }), gates(small, { type: "alt-text" })]).toEqual([[], ["models"], ["models"]]);
  });
});

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

describe("a variant", () => {
  test("has a key that says version and options, and headers to be kept for ever", async () => {
    const object = await put("products/1.jpg", picture("orientation1"));
    await run("products/1.jpg", { ...small, fit: "cover", quality: 70 });
    const [variant] = (await kept("products/1.jpg"))?.variants ?? [];
    expect(variant?.object).toMatch(new RegExp(`^_variants/${tenant}/[0-9a-f]{32}/${object.etag}/32x32-cover-q70\\.webp$`));
    const head = await env.MEDIA.head(variant?.object ?? "");
    expect(head?.httpMetadata).toEqual({ contentType: "image/webp", cacheControl: "public, max-age=31536000, immutable" });
  });

  test("is not made again, and the original is read once for many", async () => {
    await put("photo.jpg", picture("orientation1"));
    const calls = counted();
    await run("photo.jpg", small, { ...small, width: 16 }, { ...small, format: "avif" });
    expect(calls).toEqual({ reads: 1, renders: 3 });
    expect(await run("photo.jpg", small, { ...small, width: 8 })).toBeDone({ variants: [{ made: false }, { made: true }] });
    expect(calls).toEqual({ reads: 2, renders: 4 });
  });

  test("of the version before goes when the object was replaced", async () => {
    await put("photo.jpg", picture("orientation1"));
    await run("photo.jpg", small, { ...small, width: 16 });
    await put("photo.jpg", picture("png"));
    await run("photo.jpg", small);
    expect(await kept("photo.jpg")).toMatchObject({ format: "png", variants: [{ name: "32x32-scale-down.webp" }] });
    expect(await variantObjects()).toHaveLength(1);
  });

  test("that the provider made in another format is refused", async () => {
    await put("photo.jpg", picture("orientation1"));
    const mislabelling = fakeBinding(() => new Response(picture("orientation1"), { headers: { "content-type": "image/webp" } }));
    expect(await runWith(cloudflareImages(mislabelling), "photo.jpg", small)).toBeDiscarded("images: asked for webp, got jpeg");
    expect(await variantObjects()).toEqual([]);
  });
});

describe("many jobs at once", () => {
  test("hold one original in memory at a time, in the order of asking", async () => {
    const keys = Array.from({ length: 6 }, (_, index) => `photo-${index}.jpg`);
    for (const key of keys) await put(key, picture("orientation1"));
    let [held, most] = [0, 0];
    const work = createMediaWork(parts, tenant, "en");
    const order: string[] = [];
    const media: typeof work = {
      ...work,
      withOriginal: (key, signal, use) =>
        work.withOriginal(key, signal, async (original) => {
          order.push(key);
          most = Math.max(most, ++held);
          return use(original).finally(() => held--);
        }),
    };
    const vision = { idempotentFor: 0, describe: async () => ok(null) };
    const capabilities = { media, images: realImages(), vision };
    const jobs = keys.map((key) => workJob(image, runImage, { key, operations: [small] }, { tenant, start: now, capabilities }));
    for (const job of await Promise.all(jobs)) expect(job).toBeDone();
    expect([most, order]).toEqual([1, keys]);
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
    await parts.store.setHumanText(tenant, "broken.jpg", "By hand", now);
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

  test("9422, the account's limit, waits and burns no attempt", async () => {
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

describe("removing an original while its job runs", () => {
  test.each(["before it is noted", "before the first picture", "between two pictures", "before the last look"] as const)(
    "%s leaves nothing behind",
    async (when) => {
      await put("photo.jpg", picture("orientation1"));
      let renders = 0;
      const images = realImages();
      const at = { "before it is noted": -1, "before the first picture": 1, "between two pictures": 2, "before the last look": -2 }[when];
      const remove = () => removeMedia(parts, tenant, "photo.jpg");
      if (at === -1) onRegister = remove;
      if (at === -2) onTidy = remove;
      const removing: Images = {
        render: async (...asked) => {
          if (++renders === at) await remove();
          return images.render(...asked);
        },
      };
      expect(await runWith(removing, "photo.jpg", small, { ...small, width: 16 })).toBeDone({ note: expect.any(String) as string });
      expect([await kept("photo.jpg"), await variantObjects(), await env.MEDIA.head(`${tenant}/photo.jpg`)]).toEqual([null, [], null]);
    },
  );
});

test("one version has at most 50 variants; what is there can still be asked for, the next version begins anew", async () => {
  await put("photo.jpg", picture("orientation1"));
  const asked = (from: number, count: number) => Array.from({ length: count }, (_, index) => ({ ...small, width: from + index }));
  for (const from of [1, 21]) expect(await runWith(realImages(), "photo.jpg", asked(from, 20))).toBeDone();
  expect(await runWith(realImages(), "photo.jpg", asked(41, 11))).toBeDiscarded(/50 variants/);
  expect((await kept("photo.jpg"))?.variants).toHaveLength(50);
  counted();
  expect(await runWith(realImages(), "photo.jpg", asked(31, 20))).toBeDone();
  expect(counts.renders).toBe(0);
  await put("photo.jpg", picture("png"));
  const twice = await runWith(realImages(), "photo.jpg", [...asked(51, 1), ...asked(51, 1)]);
  expect(twice).toBeDone({ variants: [{ made: true }, { made: false }] });
});

describe("an alt text", () => {
  const said: AltText = { text: "Four coloured fields.", source: "ai", model: "seeing-1", confidence: 0.8, language: "en" };

  test("is stored with model and confidence; the model sees a small upright JPEG", async () => {
    await put("photo.jpg", picture("orientation6"));
    const shown: Uint8Array<ArrayBuffer>[] = [];
    const ended = await runWith(realImages(), "photo.jpg", { type: "alt-text" }, { vision: async (bytes) => (shown.push(bytes), ok(said)) });
    expect(ended).toBeDone({ altText: said.text });
    expect((await kept("photo.jpg"))?.altText).toEqual(said);
    expect(await binding.info(streamOf(shown[0] ?? new Uint8Array()))).toMatchObject({ format: "image/jpeg", width: 64, height: 48 });
  });

  test("never overwrites a human's, not even one that came while the model thought", async () => {
    await put("photo.jpg", picture("orientation1"));
    const vision = async () => (await parts.store.setHumanText(tenant, "photo.jpg", "By hand", now), ok(said));
    expect(await runWith(realImages(), "photo.jpg", { type: "alt-text" }, { vision })).toBeDone();
    expect((await kept("photo.jpg"))?.altText).toMatchObject({ text: "By hand", source: "human" });
    let asked = 0;
    await runWith(realImages(), "photo.jpg", { type: "alt-text" }, { vision: async () => (asked++, ok(said)) });
    expect([asked, (await kept("photo.jpg"))?.altText?.text]).toEqual([0, "By hand"]);
  });

  test("is not asked for again for the same picture and language; for another it is", async () => {
    await put("photo.jpg", picture("orientation1"));
    let asked = 0;
    const options = { vision: async () => (asked++, ok(said)) };
    for (const language of ["en", "en", "cs"]) await runWith(realImages(), "photo.jpg", { type: "alt-text" }, { ...options, language });
    expect(asked).toBe(2);
    await put("photo.jpg", picture("png"));
    await runWith(realImages(), "photo.jpg", small);
    expect((await kept("photo.jpg"))?.altText).toBeNull();
  });

  test("of a model that has none stores nothing; thumbnails of the same job are there", async () => {
    await put("photo.jpg", picture("orientation1"));
    expect(await runWith(realImages(), "photo.jpg", [small, { type: "alt-text" }], { vision: async () => ok(null) })).toBeDone();
    const broken = { vision: async () => failed({ class: "transient", reason: "models: 503" }) };
    expect(await runWith(realImages(), "photo.jpg", [small, { type: "alt-text" }], broken)).toBeRetried("models: 503");
    expect(await kept("photo.jpg")).toMatchObject({ altText: null, variants: [{ width: 32 }] });
  });
});

describe("a dry run", () => {
  test("says what it would do and leaves nothing", async () => {
    await put("photo.jpg", picture("orientation6"));
    const job = await runIn({ dryRun: true }, "photo.jpg", [{ ...small }, { type: "alt-text" }]);
    expect(job).toBeDone();
    expect(job).toHavePlanned("alt-text", "thumbnail 32x32-scale-down.webp");
    expect(job.effects.map(({ value }) => value)).toEqual([null, { width: 32, height: 24 }]);
    expect([await kept("photo.jpg"), await variantObjects()]).toEqual([null, []]);
  });
});

type Ask = InputOf<typeof image>["operations"][number];

interface Options extends WorkOptions<typeof image> {
  vision?: (picture: Uint8Array<ArrayBuffer>) => Promise<Reply<AltText | null>>;
  language?: string;
}

const parts: MediaDeps = createMediaDeps(env as WorkerEnv, () => now);
let onRegister: (() => Promise<unknown>) | undefined;
let onTidy: (() => Promise<unknown>) | undefined;
let counts = { reads: 0, renders: 0 };

function counted() {
  return (counts = { reads: 0, renders: 0 });
}

function parsed(payload: InputOf<typeof image>) {
  const checked = checkPayload(image, payload);
  if (!checked.ok) throw new Error(JSON.stringify(checked.issues));
  return checked.payload as Parameters<typeof runImage>[0];
}

function realImages(): Images {
  const images = cloudflareImages(binding);
  return { render: (...asked) => (counts.renders++, images.render(...asked)) };
}

async function run(key: string, ...operations: Ask[]) {
  return runIn({}, key, operations);
}

async function runWith(images: Images, key: string, operations: Ask | Ask[], ...more: (Ask | Options)[]) {
  const asked = [...(Array.isArray(operations) ? operations : [operations]), ...more.filter((each): each is Ask => "type" in each)];
  const options = more.find((each): each is Options => !("type" in each)) ?? {};
  return runIn(options, key, asked, images);
}

async function runIn(options: Options, key: string, operations: Ask[], images = realImages()) {
  const work = createMediaWork(parts, tenant, options.language ?? "en");
  const [register, tidy] = [onRegister, onTidy];
  onRegister = onTidy = undefined;
  const media: typeof work = {
    ...work,
    withOriginal: (...asked) => (counts.reads++, work.withOriginal(...asked)),
    register: async (...asked) => (await register?.(), work.register(...asked)),
    tidy: async (...asked) => (await tidy?.(), work.tidy(...asked)),
  };
  const describing = options.vision ?? (async () => failed({ class: "config", reason: "no model" }));
  const vision = { idempotentFor: 3600, describe: describing };
  return workJob(
    image,
    runImage,
    { key, operations },
    { tenant, start: now, ...(options.dryRun ? { dryRun: true } : {}), capabilities: { media, images, vision } },
  );
}

function put(key: string, bytes: Uint8Array<ArrayBuffer>): Promise<R2Object> {
  return env.MEDIA.put(`${tenant}/${key}`, bytes, { httpMetadata: { contentType: "image/jpeg" } });
}

function kept(key: string) {
  return parts.queries.get(tenant, key);
}

async function stored(object: string): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array((await (await env.MEDIA.get(object))?.arrayBuffer()) ?? new ArrayBuffer());
}

async function variantObjects(): Promise<string[]> {
  return (await env.MEDIA.list({ prefix: `_variants/${tenant}/` })).objects.map(({ key }) => key);
}

async function asPng(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const result = await binding.input(streamOf(bytes)).output({ format: "image/png" });
  return new Uint8Array(await result.response().arrayBuffer());
}

function streamOf(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array> {
  return new Blob([bytes]).stream();
}

function colour([red = 0, green = 0, blue = 0]: number[]): string {
  const bright = [red, green, blue].map((value) => value > 128);
  return (
    { "true,false,false": "red", "false,true,false": "green", "false,false,true": "blue", "true,true,true": "white" }[String(bright)] ??
    String([red, green, blue])
  );
}

/** The binding as far as it is used, with this for an answer. */
function fakeBinding(respond: () => Response | Promise<Response>): Pick<ImagesBinding, "input"> {
  const transformer = {
    transform: () => transformer,
    draw: () => transformer,
    output: async () => {
      const response = await respond();
      return { response: () => response, contentType: () => "image/webp", image: () => response.body as ReadableStream<Uint8Array> };
    },
  };
  return { input: () => transformer };
}
