import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { createMediaDeps } from "../../src/app/media";
import { createMediaWork } from "../../src/domain/media/capability";
import { getMedia, mediaAbout } from "../../src/domain/media/queries";
import type { WorkerEnv } from "../../src/env";
import type { EnqueueRequest } from "../../src/queue/request";
import { picture } from "../support/pictures";
import { createIntakeBench, root, type Tokens } from "./bench";
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

describe("PUT /v1/media/{key}", () => {
  test("stores the bytes under the tenant, says what they are, and enqueues what is made of them", async () => {
    const bytes = picture("orientation6");
    const answer = await put("products/42/front.jpg", bytes);
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ key: "products/42/front.jpg", size: bytes.length, format: "jpeg", width: 48, height: 64, variants: [] });
    const object = await env.MEDIA.get(`${tenant}/products/42/front.jpg`);
    expect(object?.httpMetadata?.contentType).toBe("image/jpeg");
    expect(new Uint8Array((await object?.arrayBuffer()) ?? new ArrayBuffer())).toEqual(bytes);
    const operations = [
      { type: "thumbnail", width: 320, height: 320, fit: "scale-down", format: "webp" },
      { type: "thumbnail", width: 1024, height: 1024, fit: "scale-down", format: "webp" },
    ];
    expect(bench.seen.requests).toMatchObject([{ tenant, type: "image", payload: { key: "products/42/front.jpg", operations }, revive: false }]);
  });

  test("hands the trace of its request on to what is made of the picture", async () => {
    await put("traced.jpg", picture("orientation6"), { traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" });
    expect(bench.seen.requests).toMatchObject([{ type: "image", trace: "4bf92f3577b34da6a3ce929d0e0e4736-01" }]);
    await put("untraced.jpg", picture("orientation6"));
    expect(bench.seen.requests.at(-1)).not.toHaveProperty("trace");
  });

  test("enqueues what the tenant's settings say, and an alt text where there is a model", async () => {
    const settings = { media: { thumbnails: [{ width: 64, height: 64, fit: "cover" }], language: "cs" } };
    await bench.deps.tenants.put(tenant, { name: tenant, settings }, now);
    await bench.deps.connections.put(tenant, "models", { provider: "openai", baseUrl: "https://models.example.com/v1", apiKey: "key", model: "m" }, now);
    await put("a.png", picture("png"));
    expect(enqueuedOperations()).toEqual([[{ type: "thumbnail", width: 64, height: 64, fit: "cover", format: "webp" }], [{ type: "alt-text" }]]);
    bench.seen.requests.length = 0;
    await bench.deps.tenants.put(tenant, { name: tenant, settings: { media: { thumbnails: [], altText: false } } }, now);
    expect((await put("b.png", picture("png"))).status).toBe(200);
    expect(enqueuedOperations()).toEqual([]);
  });

  test("checks the bytes, not the content type, the name or the announced length", async () => {
    const html = new TextEncoder().encode("<html><script>alert(1)</script>");
    const refused = await put("photo.jpg", html, { "content-type": "image/jpeg" });
    expect(refused.status).toBe(415);
    expect(refused.body.detail).toBe("Send a JPEG, PNG, GIF, WebP or AVIF: by its first bytes this is text such as SVG or HTML.");
    expect(await env.MEDIA.head(`${tenant}/photo.jpg`)).toBeNull();
    expect((await put("photo.jpg", new Uint8Array())).status).toBe(415);
    const taken = await put("page.html", picture("webp"), { "content-type": "text/html", "content-length": "1" });
    expect(taken.body).toMatchObject({ format: "webp", width: 64, height: 48 });
    expect((await env.MEDIA.head(`${tenant}/page.html`))?.httpMetadata?.contentType).toBe("image/webp");
  });

  test("takes many megabytes in chunks without a length, byte by byte the same", async () => {
    const bytes = large(12 * 1024 * 1024 + 3);
    const answer = await put("large.png", streamOf(bytes, 700_001));
    expect(answer.body).toMatchObject({ size: bytes.length, format: "png" });
    const object = await env.MEDIA.get(`${tenant}/large.png`);
    const digest = async (of: ArrayBuffer) => new Uint8Array(await crypto.subtle.digest("SHA-256", of));
    expect(await digest((await object?.arrayBuffer()) ?? new ArrayBuffer())).toEqual(await digest(bytes.buffer));
  });

  test("counts the bytes while they come, and leaves nothing of too many", async () => {
    const answer = await put("huge.png", streamOf(large(21 * 1024 * 1024), 1_000_000));
    expect(answer.status).toBe(413);
    expect(answer.body.detail).toBe("The body may have at most 20,971,520 bytes.");
    expect([await env.MEDIA.head(`${tenant}/huge.png`), bench.seen.requests]).toEqual([null, []]);
    expect((await put("announced.png", picture("png"), { "content-length": "99999999" })).status).toBe(413);
  });

  test.each(["", "%2e%2e/secret", "a//b.jpg", "b/%61lt-text", "a%0Ab.jpg", "a".repeat(801)])("%j is no key", async (key) => {
    const answer = await bench.call("PUT", `/v1/media/${key}`, { token: tokens.enqueue, body: picture("png") });
    // Addresses without a key, or in which a client or the platform went up a folder, are other addresses.
    expect([400, 404, 405, 422]).toContain(answer.status);
    if (answer.status === 422) expect(answer.body.errors).toMatchObject([{ path: "key", message: expect.stringContaining("must be a path") as string }]);
  });

  test("notes what the picture is about, and refuses what names nothing", async () => {
    await put("selfie.jpg", picture("orientation1"), { "jobyard-about": "lead:4711, offer:2" });
    expect((await parts.objects.head(tenant, "selfie.jpg"))?.about).toEqual(["lead:4711", "offer:2"]);
    expect(await mediaAbout(env.DB, tenant, ["offer:2"])).toEqual(["selfie.jpg"]);
    expect(bench.seen.requests[0]?.payload).toMatchObject({ about: ["lead:4711", "offer:2"] });
    expect((await put("selfie.jpg", picture("orientation1"), { "jobyard-about": "Ada Lovelace" })).status).toBe(422);
    await put("selfie.jpg", picture("orientation2"), { "jobyard-about": "lead:1" });
    expect([await mediaAbout(env.DB, tenant, ["offer:2"]), await mediaAbout(env.DB, tenant, ["lead:1"])]).toEqual([[], ["selfie.jpg"]]);
    await env.MEDIA.put(`${tenant}/selfie.jpg`, "x", { customMetadata: { about: "Ada Lovelace, lead:7,,lead:8" } });
    expect((await parts.objects.head(tenant, "selfie.jpg"))?.about).toEqual(["lead:7", "lead:8"]);
  });

  test("a key may hold any letters, and stays within its tenant", async () => {
    const other = await bench.tenant(`${tenant}-other`);
    expect((await put("Zimní%20kolekce/bunda%20č.%201.png", picture("png"))).body.key).toBe("Zimní kolekce/bunda č. 1.png");
    expect(await env.MEDIA.head(`${tenant}/Zimní kolekce/bunda č. 1.png`)).not.toBeNull();
    for (const key of ["Zimní%20kolekce/bunda%20č.%201.png", `../${tenant}/a.png`]) {
      expect((await bench.call("GET", `/v1/media/${key}`, { token: other.read })).status).toBe(404);
      expect((await bench.call("DELETE", `/v1/media/${key}`, { token: other.enqueue })).status).toBe(404);
    }
    expect((await bench.call("GET", "/v1/media", { token: other.read })).body).toEqual({ media: [], cursor: null });
  });
});

describe("a human's alt text", () => {
  const set = (key: string, body: unknown) => bench.call("PUT", `/v1/media/${key}/alt-text`, { token: tokens.enqueue, body });

  test("is no part of a picture's key: what is stored under one would be out of reach", async () => {
    expect((await put("a/alt-text", picture("png"))).status).toBe(415);
    const deeper = await put("a/alt-text/alt-text", picture("png"));
    expect([deeper.status, deeper.body.errors]).toEqual([422, [{ path: "key", message: expect.stringContaining("not ending in /alt-text") }]]);
    expect((await bench.call("GET", "/v1/media?prefix=a/alt-text", { token: tokens.read })).body.media).toEqual([]);
  });

  test("is set, may say that the picture is decorative, and is taken away", async () => {
    await put("a/photo.jpg", picture("orientation1"));
    expect((await set("a/photo.jpg", { altText: " A bicycle " })).body).toMatchObject({ altText: "A bicycle", altTextSource: "human" });
    expect((await set("a/photo.jpg", { altText: "" })).body).toMatchObject({ altText: "", altTextSource: "human" });
    expect((await set("a/photo.jpg", { altText: null })).body).not.toHaveProperty("altText");
  });

  test("stays when the picture is replaced", async () => {
    await put("photo.jpg", picture("orientation1"));
    await set("photo.jpg", { altText: "By hand" });
    expect((await put("photo.jpg", picture("png"))).body).toMatchObject({ format: "png", altText: "By hand", altTextSource: "human" });
  });

  test("of no picture is 404, of a wrong body 422", async () => {
    expect((await set("none.jpg", { altText: "x" })).status).toBe(404);
    await put("photo.jpg", picture("orientation1"));
    for (const body of [{}, { altText: 1 }, { altText: "two\nlines" }, { altText: "nothing\0" }, { altText: "x".repeat(1001) }, { altText: "x", source: "ai" }])
      expect((await set("photo.jpg", body)).status).toBe(422);
    expect((await bench.call("GET", "/v1/media/photo.jpg/alt-text", { token: tokens.read })).status).toBe(405);
  });
});

describe("DELETE /v1/media/{key}", () => {
  test("removes the original, its variants and everything that is known", async () => {
    await put("photo.jpg", picture("orientation1"), { "jobyard-about": "lead:1" });
    const etag = (await parts.objects.head(tenant, "photo.jpg"))?.etag ?? "";
    const options = { width: 32, height: 32, fit: "cover", format: "webp", quality: undefined } as const;
    await createMediaWork(parts, tenant, "en").addVariant("photo.jpg", etag, options, { bytes: picture("webp"), width: 32, height: 32 });
    expect((await bench.call("DELETE", "/v1/media/photo.jpg", { token: tokens.enqueue })).status).toBe(204);
    expect((await env.MEDIA.list({ prefix: `${tenant}/` })).objects).toEqual([]);
    expect((await env.MEDIA.list({ prefix: `_variants/${tenant}/` })).objects).toEqual([]);
    expect([await getMedia({ db: env.DB, tenant, key: "photo.jpg" }), await mediaAbout(env.DB, tenant, ["lead:1"])]).toEqual([null, []]);
    expect((await bench.call("DELETE", "/v1/media/photo.jpg", { token: tokens.enqueue })).status).toBe(404);
  });
});

test("storage that cannot be reached is 503, to be asked again", async () => {
  const { media } = bench.deps;
  bench.deps.media = { ...media, put: () => Promise.reject(new Error("put: We encountered an internal error. Please try again. (10001)")) };
  const answer = await put("photo.png", picture("png"));
  bench.deps.media = media;
  expect([answer.status, answer.headers.get("retry-after"), answer.body.detail]).toEqual([503, "5", "The storage cannot be reached."]);
});

test("the root token names the tenant", async () => {
  const path = "/v1/media/photo.png";
  expect((await bench.call("PUT", path, { token: root, tenant, body: picture("png") })).status).toBe(200);
  expect((await bench.call("GET", path, { token: root })).status).toBe(422);
});

function put(key: string, body: Uint8Array | ReadableStream, headers: Record<string, string> = {}) {
  return bench.call("PUT", `/v1/media/${key}`, { token: tokens.enqueue, body, headers: { "content-type": "application/octet-stream", ...headers } });
}

function enqueuedOperations() {
  return bench.seen.requests.map(({ payload }: EnqueueRequest) => (payload as { operations: unknown }).operations);
}

/** The beginning of a PNG and then anything. */
function large(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 97) bytes[at] = at % 251;
  bytes.set(picture("png").subarray(0, 60));
  return bytes;
}

function streamOf(bytes: Uint8Array<ArrayBuffer>, step: number): ReadableStream {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(bytes.slice(at, (at += step)));
      if (at >= bytes.length) controller.close();
    },
  });
}
