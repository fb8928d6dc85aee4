import { env } from "cloudflare:workers";
import { beforeEach } from "vitest";
import { createMediaDeps } from "../../src/app/media";
import { type MediaDeps, createMediaWork } from "../../src/domain/media/capability";
import type { AltText } from "../../src/domain/media/model";
import { getMedia } from "../../src/domain/media/queries";
import type { WorkerEnv } from "../../src/env";
import { image } from "../../src/jobs/image/job";
import { runImage } from "../../src/jobs/image/run";
import { cloudflareImages } from "../../src/providers/images/cloudflare";
import type { Images } from "../../src/providers/images/images";
import { failed, type Reply } from "../../src/queue/effect";
import type { InputOf } from "../../src/queue/job";
import { checkPayload } from "../../src/queue/registry";
import { workJob, type WorkOptions } from "../support/work-job";

export const now = Date.UTC(2026, 10, 26);

export const binding = (env as WorkerEnv).IMAGES;

export const small = { type: "thumbnail", width: 32, height: 32 } as const;

export let tenant = "";

export let count = 0;

/** Each test has a tenant of its own. To be called by each test file: a module is loaded once for all files of a runtime. */
export function useImages(): void {
  beforeEach(() => (tenant = `image-${++count}`));
}

export type Ask = InputOf<typeof image>["operations"][number];

export interface Options extends WorkOptions<typeof image> {
  vision?: (picture: Uint8Array<ArrayBuffer>) => Promise<Reply<AltText | null>>;
  language?: string;
}

export const parts: MediaDeps = createMediaDeps(env as WorkerEnv, () => now);

/** What happens while the run is there. */
export const during: { onRegister?: (() => Promise<unknown>) | undefined; onTidy?: (() => Promise<unknown>) | undefined } = {};

export let counts = { reads: 0, renders: 0 };

export function counted() {
  return (counts = { reads: 0, renders: 0 });
}

export function parsed(payload: InputOf<typeof image>) {
  const checked = checkPayload(image, payload);
  if (!checked.ok) throw new Error(JSON.stringify(checked.issues));
  return checked.payload as Parameters<typeof runImage>[0];
}

export function realImages(): Images {
  const images = cloudflareImages(binding);
  return { render: (...args) => (counts.renders++, images.render(...args)) };
}

export async function run(key: string, ...operations: Ask[]) {
  return runIn({}, key, operations);
}

export async function runWith(images: Images, key: string, operations: Ask | Ask[], ...more: (Ask | Options)[]) {
  const all = [...(Array.isArray(operations) ? operations : [operations]), ...more.filter((each): each is Ask => "type" in each)];
  const options = more.find((each): each is Options => !("type" in each)) ?? {};
  return runIn(options, key, all, images);
}

export async function runIn(options: Options, key: string, operations: Ask[], images = realImages()) {
  const work = createMediaWork(parts, tenant, options.language ?? "en");
  const [register, tidy] = [during.onRegister, during.onTidy];
  during.onRegister = during.onTidy = undefined;
  const media: typeof work = {
    ...work,
    withOriginal: (...args) => (counts.reads++, work.withOriginal(...args)),
    register: async (...args) => (await register?.(), work.register(...args)),
    tidy: async (...args) => (await tidy?.(), work.tidy(...args)),
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

export function put(key: string, bytes: Uint8Array<ArrayBuffer>): Promise<R2Object> {
  return env.MEDIA.put(`${tenant}/${key}`, bytes, { httpMetadata: { contentType: "image/jpeg" } });
}

export function kept(key: string) {
  return getMedia({ db: env.DB, tenant, key });
}

export async function stored(object: string): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array((await (await env.MEDIA.get(object))?.arrayBuffer()) ?? new ArrayBuffer());
}

export async function variantObjects(): Promise<string[]> {
  return (await env.MEDIA.list({ prefix: `_variants/${tenant}/` })).objects.map(({ key }) => key);
}

export async function asPng(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const result = await binding.input(streamOf(bytes)).output({ format: "image/png" });
  return new Uint8Array(await result.response().arrayBuffer());
}

export function streamOf(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array> {
  return new Blob([bytes]).stream();
}

export function colour([red = 0, green = 0, blue = 0]: number[]): string {
  const bright = [red, green, blue].map((value) => value > 128);
  return (
    { "true,false,false": "red", "false,true,false": "green", "false,false,true": "blue", "true,true,true": "white" }[String(bright)] ??
    String([red, green, blue])
  );
}

/** The binding as far as it is used, with this for an answer. */
export function fakeBinding(respond: () => Response | Promise<Response>): Pick<ImagesBinding, "input"> {
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
