import * as v from "valibot";
import { contentTypeOf } from "../../images/format";
import type { Media, Variant } from "../../domain/media/model";
import { outputList } from "../../bounded";

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

export const mediaShape = v.object({
  key: v.string(),
  size: v.pipe(count, v.description("Bytes")),
  format: v.nullable(v.string()),
  width: v.nullable(v.pipe(count, v.description("Width of the upright picture, in pixels"))),
  height: v.nullable(count),
  issue: v.optional(v.pipe(v.string(), v.description("Why no variants or alt text can be made"))),
  altText: v.optional(v.pipe(v.string(), v.description("Empty text: the picture is decorative"))),
  altTextSource: v.optional(v.picklist(["human", "ai"])),
  altTextModel: v.optional(v.string()),
  altTextConfidence: v.optional(v.number()),
  altTextLanguage: v.optional(v.string()),
  variants: outputList(v.object({ key: v.string(), width: count, height: count, format: v.string(), size: count, url: v.string() })),
});

/** A picture as the interface shows it. */
export function mediaView({ key, size, format, width, height, issue, altText, variants, etag }: Media) {
  return {
    key,
    size,
    format,
    width,
    height,
    ...(issue === null ? {} : { issue }),
    ...(altText === null ? {} : altTextView(altText)),
    variants: variants.map((variant) => ({
      key: variant.object,
      width: variant.width,
      height: variant.height,
      format: variant.format,
      size: variant.bytes,
      url: `/v1/media/${key.split("/").map(encodeURIComponent).join("/")}?variant=${askedAs(variant, variants)}&v=${encodeURIComponent(etag)}`,
    })),
  };
}

function altTextView({ text, source, model, confidence, language }: NonNullable<Media["altText"]>) {
  const byModel = { altTextModel: model, altTextConfidence: confidence, altTextLanguage: language };
  const known = Object.entries(byModel).filter(([, value]) => value !== null);
  return { altText: text, altTextSource: source, ...Object.fromEntries(known) };
}

/** A variant's name: its box, or its full name where one box has several variants. */
function askedAs(variant: Variant, variants: readonly Variant[]): string {
  const box = `${variant.box.width}x${variant.box.height}`;
  return variantNamed(variants, box) === variant ? box : variant.name;
}

/** Finds a variant by the requested box `WxH`, by its actual size, or by its name. */
export function variantNamed(variants: readonly Variant[], name: string): Variant | undefined {
  const has = (test: (variant: Variant) => string) => variants.find((variant) => test(variant) === name);
  return has(({ box }) => `${box.width}x${box.height}`) ?? has(({ width, height }) => `${width}x${height}`) ?? has(({ name }) => name);
}

/** Headers of a picture's bytes. `immutable`: the address contains the version, so its content never changes. */
export function headersOf(variant: Variant, httpEtag: string, immutable: boolean): Record<string, string> {
  return {
    "content-type": contentTypeOf(variant.format),
    "cache-control": immutable ? "private, max-age=31536000, immutable" : "private, no-cache",
    etag: httpEtag,
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
  };
}
