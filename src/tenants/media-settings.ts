import * as v from "valibot";
import { fits } from "../images/plan";
import { boundedList, boundedText } from "../bounded";

const side = v.pipe(
  v.number("must be a number"),
  v.integer("must be a whole number"),
  v.minValue(1, "must be at least 1"),
  v.maxValue(12_000, "must be at most 12,000"),
);

const outputFormats = ["webp", "avif", "jpeg"] as const;
export type OutputFormat = (typeof outputFormats)[number];

/** Fields of a thumbnail, in settings and in jobs. */
export const thumbnailFields = {
  width: side,
  height: side,
  fit: v.optional(v.picklist(fits, `must be ${fits.join(", ")}`), "scale-down"),
  format: v.optional(v.picklist(outputFormats, `must be ${outputFormats.join(", ")}`), "webp"),
  quality: v.optional(
    v.pipe(v.number("must be a number"), v.integer("must be a whole number"), v.minValue(1, "must be 1 to 100"), v.maxValue(100, "must be 1 to 100")),
  ),
};

/** The tenant's setting `media`: the variants of each upload. */
export const mediaSettings = v.strictObject({
  thumbnails: v.optional(boundedList(v.strictObject(thumbnailFields), 10, { rule: "may name at most 10 thumbnails" })),
  /** Whether a model writes alt texts. Default: where the tenant has a connection `models`. */
  altText: v.optional(v.boolean("must be true or false")),
  /** Language tag of alt texts. Default `en`. */
  language: v.optional(boundedText(30, { pattern: /^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$/, rule: "must be a language tag such as cs or pt-BR" })),
});
export type MediaSettings = v.InferOutput<typeof mediaSettings>;
