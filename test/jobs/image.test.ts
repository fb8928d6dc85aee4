import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { createMediaWork } from "../../src/domain/media/capability";
import type { AltText } from "../../src/domain/media/model";
import { removeMedia } from "../../src/domain/media/remove";
import { setHumanText } from "../../src/domain/media/store";
import { image } from "../../src/jobs/image/job";
import { runImage } from "../../src/jobs/image/run";
import { cloudflareImages } from "../../src/providers/images/cloudflare";
import type { Images } from "../../src/providers/images/images";
import { failed, ok } from "../../src/queue/effect";
import type { InputOf } from "../../src/queue/job";
import { picture } from "../support/pictures";
import { workJob } from "../support/work-job";
import {
  now,
  binding,
  small,
  tenant,
  parts,
  during,
  counts,
  counted,
  parsed,
  realImages,
  run,
  runWith,
  runIn,
  put,
  kept,
  variantObjects,
  streamOf,
  fakeBinding,
  useImages,
} from "./image-run";

useImages();

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
    const [requested, given]: [string[], string[]] = [[], []];
    const media: typeof work = {
      ...work,
      withOriginal: (key, signal, use) => {
        requested.push(key);
        return work.withOriginal(key, signal, async (original) => {
          given.push(key);
          most = Math.max(most, ++held);
          return use(original).finally(() => held--);
        });
      },
    };
    const vision = { idempotentFor: 0, describe: async () => ok(null) };
    const capabilities = { media, images: realImages(), vision };
    const jobs = keys.map((key) => workJob(image, runImage, { key, operations: [small] }, { tenant, start: now, capabilities }));
    for (const job of await Promise.all(jobs)) expect(job).toBeDone();
    expect([most, given, requested.toSorted()]).toEqual([1, requested, keys]);
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
      const remove = () => removeMedia(parts.objects, { db: env.DB, tenant, key: "photo.jpg" });
      if (at === -1) during.onRegister = remove;
      if (at === -2) during.onTidy = remove;
      const removing: Images = {
        render: async (...args) => {
          if (++renders === at) await remove();
          return images.render(...args);
        },
      };
      expect(await runWith(removing, "photo.jpg", small, { ...small, width: 16 })).toBeDone({ note: expect.any(String) as string });
      expect([await kept("photo.jpg"), await variantObjects(), await env.MEDIA.head(`${tenant}/photo.jpg`)]).toEqual([null, [], null]);
    },
  );
});

test("one version has at most 50 variants; what is there can still be asked for, the next version begins anew", async () => {
  await put("photo.jpg", picture("orientation1"));
  const widths = (from: number, count: number) => Array.from({ length: count }, (_, index) => ({ ...small, width: from + index }));
  for (const from of [1, 21]) expect(await runWith(realImages(), "photo.jpg", widths(from, 20))).toBeDone();
  expect(await runWith(realImages(), "photo.jpg", widths(41, 11))).toBeDiscarded(/50 variants/);
  expect((await kept("photo.jpg"))?.variants).toHaveLength(50);
  counted();
  expect(await runWith(realImages(), "photo.jpg", widths(31, 20))).toBeDone();
  expect(counts.renders).toBe(0);
  await put("photo.jpg", picture("png"));
  const twice = await runWith(realImages(), "photo.jpg", [...widths(51, 1), ...widths(51, 1)]);
  expect(twice).toBeDone({ variants: [{ made: true }, { made: false }] });
});

describe("an alt text", () => {
  const written: AltText = { text: "Four coloured fields.", source: "ai", model: "seeing-1", confidence: 0.8, language: "en" };

  test("is stored with model and confidence; the model sees a small upright JPEG", async () => {
    await put("photo.jpg", picture("orientation6"));
    const shown: Uint8Array<ArrayBuffer>[] = [];
    const ended = await runWith(realImages(), "photo.jpg", { type: "alt-text" }, { vision: async (bytes) => (shown.push(bytes), ok(written)) });
    expect(ended).toBeDone({ altText: written.text });
    expect((await kept("photo.jpg"))?.altText).toEqual(written);
    expect(await binding.info(streamOf(shown[0] ?? new Uint8Array()))).toMatchObject({ format: "image/jpeg", width: 64, height: 48 });
  });

  test("never overwrites a human's, not even one that came while the model thought", async () => {
    await put("photo.jpg", picture("orientation1"));
    const vision = async () => (await setHumanText({ db: env.DB, tenant, key: "photo.jpg" }, "By hand", now), ok(written));
    expect(await runWith(realImages(), "photo.jpg", { type: "alt-text" }, { vision })).toBeDone();
    expect((await kept("photo.jpg"))?.altText).toMatchObject({ text: "By hand", source: "human" });
    let calls = 0;
    await runWith(realImages(), "photo.jpg", { type: "alt-text" }, { vision: async () => (calls++, ok(written)) });
    expect([calls, (await kept("photo.jpg"))?.altText?.text]).toEqual([0, "By hand"]);
  });

  test("is not asked for again for the same picture and language; for another it is", async () => {
    await put("photo.jpg", picture("orientation1"));
    let calls = 0;
    const options = { vision: async () => (calls++, ok(written)) };
    for (const language of ["en", "en", "cs"]) await runWith(realImages(), "photo.jpg", { type: "alt-text" }, { ...options, language });
    expect(calls).toBe(2);
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
