import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { createMediaDeps } from "../../src/app/media";
import { createMediaWork } from "../../src/domain/media/capability";
import { getMedia } from "../../src/domain/media/queries";
import type { WorkerEnv } from "../../src/env";
import { foreignReaders } from "../../src/intake/foreign";
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

describe("a notification of R2", () => {
  const reader = foreignReaders(bench.deps)["media-uploads"];

  const read = async (...bodies: unknown[]) => (await reader?.(bodies.map((body, index) => ({ id: `m${index}`, body })))) ?? [];
  const about = (action: string, key: string, more: object = {}) => ({
    account: "3f4b7e3dcab231cbfdaa90a6a28bd548",
    action,
    bucket: "jobyard-media",
    object: { key, ...(action.endsWith("Object") && action !== "DeleteObject" ? { size: 65_536, eTag: "c846ff7a18f28c2e262116d6e8719ef0" } : {}) },
    eventTime: "2026-05-24T19:36:44.379Z",
    ...more,
  });

  test.each([
    ["PutObject", {}],
    ["CompleteMultipartUpload", {}],
    ["CopyObject", { copySource: { bucket: "other", object: "some/where.png" } }],
  ])("%s enqueues what is made of the object, once for each version", async (action, more) => {
    await env.MEDIA.put(`${tenant}/in/photo.png`, picture("png"));
    expect(await read(about(action, `${tenant}/in/photo.png`, more), about(action, `${tenant}/in/photo.png`, more))).toEqual([{ do: "ack" }, { do: "ack" }]);
    await read(about(action, `${tenant}/in/photo.png`, more));
    expect(new Set(bench.seen.requests.map(({ own }) => own?.join())).size).toBe(1);
    expect(bench.seen.requests[0]).toMatchObject({ tenant, type: "image", payload: { key: "in/photo.png" } });
    // The same bytes once more are another version: what was made of the first one may have been removed.
    await env.MEDIA.put(`${tenant}/in/photo.png`, picture("png"));
    await read(about(action, `${tenant}/in/photo.png`, more));
    expect(new Set(bench.seen.requests.map(({ own }) => own?.join())).size).toBe(2);
  });

  test("about an upload through the interface is the job that the upload made", async () => {
    await put("photo.png", picture("png"));
    await read(about("PutObject", `${tenant}/photo.png`));
    expect(bench.seen.requests.map(({ own }) => own?.join())).toEqual([bench.seen.requests[0]?.own?.join(), bench.seen.requests[0]?.own?.join()]);
  });

  test.each(["DeleteObject", "LifecycleDeletion"])("%s removes what was made of the object", async (action) => {
    await put("photo.png", picture("png"));
    const etag = (await parts.objects.head(tenant, "photo.png"))?.etag ?? "";
    const options = { width: 32, height: 32, fit: "cover", format: "webp", quality: undefined } as const;
    await createMediaWork(parts, tenant, "en").addVariant("photo.png", etag, options, { bytes: picture("webp"), width: 32, height: 32 });
    await env.MEDIA.delete(`${tenant}/photo.png`);
    expect(await read(about(action, `${tenant}/photo.png`))).toEqual([{ do: "ack" }]);
    expect([await getMedia({ db: env.DB, tenant, key: "photo.png" }), (await env.MEDIA.list({ prefix: `_variants/${tenant}/` })).objects]).toEqual([null, []]);
  });

  test("that comes late is answered by what the bucket holds now", async () => {
    await put("photo.png", picture("png"));
    expect(await read(about("DeleteObject", `${tenant}/photo.png`))).toEqual([{ do: "ack" }]);
    expect(await getMedia({ db: env.DB, tenant, key: "photo.png" })).not.toBeNull();
    await env.MEDIA.delete(`${tenant}/photo.png`);
    bench.seen.requests.length = 0;
    expect(await read(about("PutObject", `${tenant}/photo.png`))).toEqual([{ do: "ack" }]);
    expect([bench.seen.requests, await getMedia({ db: env.DB, tenant, key: "photo.png" })]).toEqual([[], null]);
  });

  test("about a variant made here starts no job", async () => {
    expect(await read(about("PutObject", `_variants/${tenant}/0011/etag/32x32-cover.webp`))).toEqual([{ do: "ack" }]);
    expect(bench.seen.requests).toEqual([]);
  });

  test.each([
    ["no notification", { hello: 1 }, /neither an envelope nor a notification/],
    ["an object of no tenant", about("PutObject", "logo.png"), /does not begin with a tenant/],
    ["an object of a tenant that is not there", about("PutObject", "nobody-here/logo.png"), /there is no "nobody-here"/],
    ["a key that cannot be named", about("PutObject", "some-tenant/../x.png"), /no path that the interface can name/],
  ])("%s is a dead letter that says why", async (_name, body, reason) => {
    expect(await read(body)).toEqual([{ do: "bury", reason: expect.stringMatching(reason) as string }]);
  });

  test("comes again later while jobs are not accepted or the tenant cannot be looked up", async () => {
    await env.MEDIA.put(`${tenant}/photo.png`, picture("png"));
    const { snapshots, media } = bench.deps;
    const reconcile = (code: "unavailable" | "invalid") => async () => ({ ok: false as const, code, detail: "no", errors: [], retryAfter: 7 });
    const readWith = async (deps: object) =>
      (await foreignReaders({ ...bench.deps, ...deps })["media-uploads"]?.([{ id: "m", body: about("PutObject", `${tenant}/photo.png`) }])) ?? [];
    expect(await readWith({ media: { ...media, reconcile: reconcile("unavailable") } })).toEqual([{ do: "redeliver", seconds: 7 }]);
    expect(await readWith({ media: { ...media, reconcile: reconcile("invalid") } })).toEqual([{ do: "bury", reason: "no job can be made of it: no" }]);
    expect(await readWith({ snapshots: { ...snapshots, read: async () => ({ state: "unknown" as const }) } })).toEqual([{ do: "redeliver" }]);
  });
});

function put(key: string, body: Uint8Array | ReadableStream, headers: Record<string, string> = {}) {
  return bench.call("PUT", `/v1/media/${key}`, { token: tokens.enqueue, body, headers: { "content-type": "application/octet-stream", ...headers } });
}
