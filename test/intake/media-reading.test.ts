import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { createMediaDeps } from "../../src/app/media";
import { createMediaWork } from "../../src/domain/media/capability";
import type { WorkerEnv } from "../../src/env";
import { picture } from "../support/pictures";
import { createIntakeBench, type Tokens } from "./bench";
import { now } from "./given";

const bench = createIntakeBench();

const parts = createMediaDeps(env as WorkerEnv, () => now);

let tenant = "";

let tokens: Tokens;

let count = 0;

beforeEach(async () => {
  tenant = `media-${++count}`;
  tokens = await bench.tenant(tenant);
  bench.seen.requests.length = 0;
});

describe("reading", () => {
  const variant = { width: 32, height: 32, fit: "cover", format: "webp", quality: undefined } as const;

  async function withVariants() {
    await put("a/photo.jpg", picture("orientation1"));
    const work = createMediaWork(parts, tenant, "en");
    const etag = (await parts.objects.head(tenant, "a/photo.jpg"))?.etag ?? "";
    await work.addVariant("a/photo.jpg", etag, variant, { bytes: picture("webp"), width: 30, height: 30 });
    await work.addVariant("a/photo.jpg", etag, { ...variant, format: "avif" }, { bytes: picture("avif"), width: 30, height: 30 });
    return etag;
  }

  test("shows variants with addresses that give their bytes", async () => {
    const etag = await withVariants();
    const { body } = await bench.call("GET", "/v1/media/a/photo.jpg", { token: tokens.read });
    expect(body.variants).toMatchObject([
      { key: expect.stringMatching(/^_variants\//) as string, width: 30, height: 30, format: "avif", url: `/v1/media/a/photo.jpg?variant=32x32&v=${etag}` },
      { format: "webp", url: `/v1/media/a/photo.jpg?variant=32x32-cover.webp&v=${etag}` },
    ]);
    for (const { url, format } of body.variants) {
      const bytes = await bench.call("GET", url, { token: tokens.read });
      expect(bytes.status).toBe(200);
      expect(Object.fromEntries(bytes.headers)).toMatchObject({
        "content-type": `image/${format}`,
        "cache-control": "private, max-age=31536000, immutable",
        "x-content-type-options": "nosniff",
      });
      const known = bytes.headers.get("etag") ?? "";
      for (const named of [known, `W/${known}`, `"other", ${known}`, "*"]) {
        const again = await bench.call("GET", url, { token: tokens.read, headers: { "if-none-match": named } });
        expect([again.status, again.text]).toEqual([304, ""]);
      }
      expect((await bench.call("GET", url, { token: tokens.read, headers: { "if-none-match": '"other"' } })).status).toBe(200);
    }
  });

  test("finds a variant by its box, its size or its name; without a version it is asked for each time", async () => {
    await withVariants();
    for (const box of ["32x32", "30x30", "32x32-cover.webp"]) {
      const answer = await bench.call("GET", `/v1/media/a/photo.jpg?variant=${box}`, { token: tokens.read });
      expect([answer.status, answer.headers.get("cache-control")]).toEqual([200, "private, no-cache"]);
    }
    const head = await bench.call("HEAD", "/v1/media/a/photo.jpg?variant=32x32", { token: tokens.read });
    const whole = await bench.call("GET", "/v1/media/a/photo.jpg?variant=32x32", { token: tokens.read });
    expect([head.status, head.text, head.headers.get("content-length")]).toEqual([200, "", whole.headers.get("content-length")]);
    expect(Number(head.headers.get("content-length"))).toBeGreaterThan(0);
    const missing = await bench.call("GET", "/v1/media/a/photo.jpg?variant=9x9", { token: tokens.read });
    expect([missing.status, missing.body.detail]).toEqual([404, "There is no such variant; there are 32x32-cover.avif, 32x32-cover.webp."]);
    expect((await bench.call("GET", "/v1/media/none.jpg", { token: tokens.read })).status).toBe(404);
  });

  test("a variant that is not there is answered with the names of at most 20", async () => {
    await put("photo.jpg", picture("orientation1"));
    const etag = (await parts.objects.head(tenant, "photo.jpg"))?.etag ?? "";
    const work = createMediaWork(parts, tenant, "en");
    for (let width = 1; width <= 22; width++) await work.addVariant("photo.jpg", etag, { ...variant, width }, { bytes: picture("webp"), width, height: 32 });
    const missing = await bench.call("GET", "/v1/media/photo.jpg?variant=99x99", { token: tokens.read });
    expect(missing.body.detail).toMatch(/^There is no such variant; there are (?:\d+x32-cover\.webp, ){19}\d+x32-cover\.webp and 2 more\.$/);
  });

  test("lists by key, by prefix and page", async () => {
    await withVariants();
    for (const key of ["a/b.png", "b.png", "c.png"]) await put(key, picture("png"));
    const keys = async (query: string) => {
      const { body } = await bench.call("GET", `/v1/media${query}`, { token: tokens.read });
      return [body.media.map((each: { key: string; variants: unknown[] }) => [each.key, each.variants.length]), body.cursor];
    };
    expect(await keys("?limit=2")).toEqual([
      [
        ["a/b.png", 0],
        ["a/photo.jpg", 2],
      ],
      "a/photo.jpg",
    ]);
    expect(await keys("?limit=2&cursor=a/photo.jpg")).toEqual([
      [
        ["b.png", 0],
        ["c.png", 0],
      ],
      null,
    ]);
    expect(await keys("?prefix=a/")).toEqual([
      [
        ["a/b.png", 0],
        ["a/photo.jpg", 2],
      ],
      null,
    ]);
  });
});

function put(key: string, body: Uint8Array | ReadableStream, headers: Record<string, string> = {}) {
  return bench.call("PUT", `/v1/media/${key}`, { token: tokens.enqueue, body, headers: { "content-type": "application/octet-stream", ...headers } });
}
