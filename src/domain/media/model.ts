import * as v from "valibot";
import { sha256Hex } from "../../crypto";
import { entityKey } from "../events/entity";
import type { Format } from "../../images/format";
import { type MediaSettings, type OutputFormat, thumbnailFields } from "../../tenants/media-settings";
import { boundedList, boundedText } from "../../bounded";

/** One original of a tenant, in the database. */
export interface MediaScope {
  db: D1Database;
  tenant: string;
  key: string;
}

/** Prefix of all variants in the bucket; no tenant can have this name. */
export const variantPrefix = "_variants/";

const maxKeyBytes = 800;

/** A key is a path. It does not end in `/alt-text`, the address of the alt text. */
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

/** The operations of a job `image`. */
export const operations = boundedList(v.variant("type", [thumbnail, altText], "must have the type thumbnail or alt-text"), 20, {
  min: 1,
  rule: "must name 1 to 20 operations",
});
export type Operation = v.InferOutput<typeof operations>[number];

const defaultThumbnails: readonly Omit<Thumbnail, "type">[] = [
  { width: 320, height: 320, fit: "scale-down", format: "webp" },
  { width: 1024, height: 1024, fit: "scale-down", format: "webp" },
];

/** The operations after an upload, as two jobs, so that an unreachable model delays no thumbnail. */
export function operationsOf(settings: MediaSettings | undefined, hasModels: boolean): Operation[][] {
  const thumbnails = (settings?.thumbnails ?? defaultThumbnails).map((each) => ({ type: "thumbnail" as const, ...each }));
  const withText = settings?.altText ?? hasModels;
  return [thumbnails, withText ? [{ type: "alt-text" as const }] : []].filter((each) => each.length > 0);
}

/** The name of a variant, which follows from its options. */
export function variantName({ width, height, fit, format, quality }: Omit<Thumbnail, "type">): string {
  return `${width}x${height}-${fit}${quality === undefined ? "" : `-q${quality}`}.${format}`;
}

/** Variants of one version of a picture. */
export const maxVariants = 50;

/** The object of an original. */
export function originalObject(tenant: string, key: string): string {
  return `${tenant}/${key}`;
}

/** Tenant and key of an object; null: its name does not begin with a tenant's. */
export function originalIn(object: string): { tenant: string; key: string } | null {
  const [, tenant, key] = /^([a-z0-9-]{1,63})\/(.+)$/s.exec(object) ?? [];
  return tenant === undefined || key === undefined ? null : { tenant, key };
}

/** The folder of an original's variants; with `etag`, of those of one version. */
export async function variantFolder(tenant: string, key: string, etag?: string): Promise<string> {
  const name = await sha256Hex(key, 32);
  return `${variantPrefix}${tenant}/${name}/${etag === undefined ? "" : `${etag}/`}`;
}

/** Entities that a picture is about; the erasure of a person finds it by them. */
export const aboutEntities = boundedList(entityKey, 5, { rule: "may name at most 5 entities" });

export interface AltText {
  text: string;
  source: "human" | "ai";
  /** Null for a person's text. */
  model: string | null;
  /** 0 to 1; null for a person's text. */
  confidence: number | null;
  language: string | null;
}

export interface Variant {
  name: string;
  /** Key of its object in the bucket. */
  object: string;
  format: OutputFormat;
  /** Size of the requested box. */
  box: { width: number; height: number };
  width: number;
  height: number;
  bytes: number;
}

/** A picture: its original and variants. */
export interface Media {
  key: string;
  etag: string;
  size: number;
  /** Null: not read yet, or no picture. */
  format: Format | null;
  width: number | null;
  height: number | null;
  /** Why it cannot be processed. */
  issue: string | null;
  altText: AltText | null;
  variants: Variant[];
  updated: number;
}
