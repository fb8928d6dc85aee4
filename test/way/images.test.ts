import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Api } from "./support/api.ts";
import { startWay, type Way } from "./support/harness.ts";
import { untilAllEnded, untilJob } from "./support/until.ts";

let way: Way;
let shop: Api;

beforeAll(async () => {
  way = await startWay();
  shop = await way.tenant("pictures");
  await shop.ask("PUT", "/v1/connections/models", {
    body: { provider: "openai", baseUrl: `${way.sandbox.url}/models/v1`, apiKey: "sk-sandbox", model: "sandbox-1" },
  });
});
afterAll(() => way?.close());

const upload = (key: string, bytes: Uint8Array) => shop.ask("PUT", `/v1/media/${key}`, { body: bytes, headers: { "content-type": "image/jpeg" } });

async function photo(width: number, height: number, colour: { r: number; g: number; b: number }): Promise<Uint8Array> {
  return sharp({ create: { width, height, channels: 3, background: colour } })
    .jpeg()
    .toBuffer();
}

test("20 uploads become thumbnails and alt texts, each once, although each is notified twice; what is no picture is refused", async () => {
  const keys = Array.from({ length: 20 }, (_, index) => `products/${index}/front.jpg`);
  for (const [index, key] of keys.entries()) {
    const bytes = await photo(400 + index * 10, 300, { r: index * 6, g: 100, b: 200 });
    expect(await upload(key, bytes)).toMatchObject({ status: 200, body: { key, format: "jpeg", width: 400 + index * 10, size: bytes.length } });
  }
  expect((await upload("page.jpg", new TextEncoder().encode("<html>"))).status).toBe(415);
  await untilAllEnded(way, "pictures", { jobs: 40 });
  const { media } = (await shop.get("/v1/media?limit=100")).body;
  expect(media).toHaveLength(20);
  for (const each of media) {
    expect(each.variants).toHaveLength(2);
    expect(each).toMatchObject({ altText: "Sandbox.", altTextSource: "ai", altTextModel: "sandbox-1", altTextLanguage: "en" });
    for (const { url, width, format } of each.variants) {
      const answer = await fetch(way.url + url, { headers: { authorization: `Bearer ${(await tokenOf()).token}` } });
      expect(await sharp(await answer.arrayBuffer()).metadata()).toMatchObject({ format, width });
    }
  }
  const jobs = await way.rows<{ state: string; count: number }>(
    "SELECT state, count(*) AS count FROM jobs WHERE tenant = 'pictures' AND type = 'image' GROUP BY state",
  );
  expect(jobs).toEqual([{ state: "done", count: 40 }]);
  expect(await way.rows("SELECT id FROM dead_letters")).toEqual([]);
});

test("a picture that is cut off says so where one looks for it", async () => {
  const bytes = (await photo(600, 400, { r: 1, g: 2, b: 3 })).subarray(0, 900);
  expect((await upload("cut.jpg", bytes)).body).toMatchObject({ key: "cut.jpg", format: "jpeg" });
  await untilAllEnded(way, "pictures", { jobs: 42 });
  expect((await shop.get("/v1/media/cut.jpg")).body).toMatchObject({ format: null, issue: "the jpeg is broken or cut off", variants: [] });
  // The job of its alt text has the same in a note.
  expect((await shop.get("/v1/dead-letters")).body.deadLetters).toHaveLength(1);
});

test("a job asked for by hand makes what it is asked for, and removing the picture leaves nothing", async () => {
  await upload("by-hand.jpg", await photo(640, 480, { r: 9, g: 9, b: 9 }));
  const operations = [{ type: "thumbnail", width: 200, height: 200, fit: "cover", format: "jpeg" }, { type: "alt-text" }];
  const job = await untilJob(shop, await shop.enqueue("image", { key: "by-hand.jpg", operations }), "done");
  expect(job.result.variants).toEqual([{ name: "200x200-cover.jpeg", width: 200, height: 200, made: true }]);
  await untilAllEnded(way, "pictures");
  expect((await shop.ask("DELETE", "/v1/media/by-hand.jpg")).status).toBe(204);
  expect((await shop.get("/v1/media/by-hand.jpg")).status).toBe(404);
  const late = await untilJob(shop, await shop.enqueue("image", { key: "by-hand.jpg", operations }), "done");
  expect(late.result).toMatchObject({ note: "the object was removed or replaced" });
});

let minted: Promise<{ token: string }> | undefined;

function tokenOf(): Promise<{ token: string }> {
  minted ??= way.api.ask("POST", "/v1/tenants/pictures/tokens", { body: { name: "reader", scopes: ["read"] } }).then(({ body }) => body);
  return minted as Promise<{ token: string }>;
}
