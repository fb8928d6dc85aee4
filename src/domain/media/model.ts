import * as v from "valibot";
import { sha256Hex } from "../../crypto";
import { entityKey } from "../events/entity";
import type { Format } from "../../images/format";
import { type MediaSettings, type OutputFormat, thumbnailFields } from "../../tenants/media-settings";
import { boundedList, boundedText } from "../../queue/bounded";

/** Everything that is made of originals lies under this in the bucket; no tenant's name can be it. */
export const variantPrefix = "_variants/";

const maxKeyBytes = 800;

/** What a key looks like: a path. Its last part is not that of the address under which the alt text is set. */
export const keyPattern = {
  pattern: /^(?!\.{1,2}(?:\/|$))[^/\p{Cc}\u2028\u2029]+(?:\/(?!(?:\.{1,2}|alt-text$)(?:\/|$))[^/\p{Cc}\u2028\u2029]+)*$/u,
  message:
    "must be a path of up to 800 bytes such as products/42/front.jpg: no empty part, no part that is . or .., no control characters, not ending in /alt-text",
};

/** The name of an original within its tenant. */
export const mediaKey = v.pipe(boundedText(maxKeyBytes, { rule: keyPattern.message }), v.check(isMediaKey, keyPattern.message));

export function isMediaKey(key: string): boolean {
  if (key.length > maxKeyBytes || !key.isWellFormed() || !keyPattern.pattern.test(key)) return false;
  return new TextEncoder().encode(key).length <= maxKeyBytes;
}

/** A picture that fills a box. */
export type Thumbnail = v.InferOutput<typeof thumbnail>;
const thumbnail = v.strictObject({ type: v.literal("thumbnail"), ...thumbnailFields });
const altText = v.strictObject({ type: v.literal("alt-text") });

/** What a job `image` may be asked for. */
export const operations = boundedList(v.variant("type", [thumbnail, altText], "must have the type thumbnail or alt-text"), 20, {
  min: 1,
  rule: "must name 1 to 20 operations",
});
export type Operation = v.InferOutput<typeof operations>[number];

export const defaultThumbnails: readonly Omit<Thumbnail, "type">[] = [
  { width: 320, height: 320, fit: "scale-down", format: "webp" },
  { width: 1024, height: 1024, fit: "scale-down", format: "webp" },
];

/** What uploads are made into by default, as two jobs: a model that is away holds up no thumbnail. */
export function operationsOf(settings: MediaSettings | undefined, hasModels: boolean): Operation[][] {
  const thumbnails = (settings?.thumbnails ?? defaultThumbnails).map((each) => ({ type: "thumbnail" as const, ...each }));
  const withText = settings?.altText ?? hasModels;
  return [thumbnails, withText ? [{ type: "alt-text" as const }] : []].filter((each) => each.length > 0);
}

/** Says what a variant is: the same options give the same name. */
export function variantName({ width, height, fit, format, quality }: Omit<Thumbnail, "type">): string {
  return `${width}x${height}-${fit}${quality === undefined ? "" : `-q${quality}`}.${format}`;
}

/** Variants that one version of a picture may have. */
export const maxVariants = 50;

/** Where an original lies in the bucket. */
export function originalObject(tenant: string, key: string): string {
  return `${tenant}/${key}`;
}

/** Tenant and key of an object; null: its name begins with no tenant's. */
export function originalIn(object: string): { tenant: string; key: string } | null {
  const [, tenant, key] = /^([a-z0-9-]{1,63})\/(.+)$/s.exec(object) ?? [];
  return tenant === undefined || key === undefined ? null : { tenant, key };
}

/** Where everything made of an original lies; of one version of it with `etag`. */
export async function variantFolder(tenant: string, key: string, etag?: string): Promise<string> {
  const name = await sha256Hex(key, 32);
  return `${variantPrefix}${tenant}/${name}/${etag === undefined ? "" : `${etag}/`}`;
}

/** Things a picture belongs to, by which it is found when a person is erased. */
export const aboutEntities = boundedList(entityKey, 5, { rule: "may name at most 5 entities" });

export interface AltText {
  text: string;
  source: "human" | "ai";
  /** Null for a human's. */
  model: string | null;
  /** 0 to 1; null for a human's. */
  confidence: number | null;
  language: string | null;
}

export interface Variant {
  name: string;
  /** Its key in the bucket. */
  object: string;
  format: OutputFormat;
  /** Of the box it was asked for. */
  box: { width: number; height: number };
  width: number;
  height: number;
  bytes: number;
}

/** An original as it is kept. */
export interface Media {
  key: string;
  etag: string;
  size: number;
  /** Null: not known yet, or no picture. */
  format: Format | null;
  width: number | null;
  height: number | null;
  /** Why nothing can be made of it. */
  issue: string | null;
  altText: AltText | null;
  variants: Variant[];
  updated: number;
}
