import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { createMediaDeps } from "../../../src/app/media";
import { createMediaWork } from "../../../src/domain/media/capability";
import { type Original, originalFrom } from "../../../src/domain/media/objects";
import { forgetMedia, removeMedia } from "../../../src/domain/media/remove";
import { getMedia, mediaAbout } from "../../../src/domain/media/queries";
import { registerVersion, unknown } from "../../../src/domain/media/store";
import type { WorkerEnv } from "../../../src/env";
import { picture } from "../../support/pictures";

const parts = createMediaDeps(env as unknown as WorkerEnv, () => 1000);
const key = "photo.jpg";
let tenant = "";
let count = 0;
/** Each upload is later than the one before, whatever the time is. */
let later = 0;

beforeEach(() => {
  tenant = `races-${++count}`;
});

const scope = () => ({ db: env.DB, tenant, key });

async function put(kind: "png" | "webp"): Promise<Original> {
  const object = await env.MEDIA.put(`${tenant}/${key}`, picture(kind));
  if (!object) throw new Error("it was not stored");
  const original = { ...originalFrom(object), uploaded: object.uploaded.getTime() + ++later };
  await registerVersion(scope(), original, { ...unknown, format: kind }, [`lead:${later}`], 1000);
  return original;
}

const known = () => getMedia(scope());

test("a job that is late with a version that was replaced does not bring it back", async () => {
  const old = await put("png");
  const newest = await put("webp");
  expect(await createMediaWork(parts, tenant, "en").register(key, old, { ...unknown, format: "png" })).toBeNull();
  expect(await known()).toMatchObject({ etag: newest.etag, format: "webp" });
  expect(await mediaAbout(env.DB, tenant, newest.about.length > 0 ? newest.about : [`lead:${later}`])).toEqual([key]);
});

test("a job whose original was removed gets null, and leaves no row once it has tidied up", async () => {
  const old = await put("png");
  await removeMedia(parts.objects, scope());
  const work = createMediaWork(parts, tenant, "en");
  expect(await work.register(key, old, unknown)).toBeNull();
  expect(await work.tidy(key, null)).toBe(false);
  expect(await known()).toBeNull();
});

test("a notification of a removal leaves a picture that was put while the bucket was asked", async () => {
  await put("png");
  await env.MEDIA.delete(`${tenant}/${key}`);
  let calls = 0;
  const head: typeof parts.objects.head = async (...which) => {
    const found = await parts.objects.head(...which);
    if (++calls === 1) await put("webp");
    return found;
  };
  await forgetMedia({ ...parts.objects, head }, scope());
  expect(await known()).toMatchObject({ format: "webp" });
});

test("a removal leaves a picture that was put while it went on", async () => {
  await put("png");
  const batch = async (statements: D1PreparedStatement[]) => (await put("webp"), env.DB.batch(statements));
  const db = { prepare: (sql: string) => env.DB.prepare(sql), batch } as D1Database;
  expect(await removeMedia(parts.objects, { ...scope(), db })).toBe(true);
  expect(await known()).toMatchObject({ format: "webp" });
  expect(await env.MEDIA.head(`${tenant}/${key}`)).not.toBeNull();
});
