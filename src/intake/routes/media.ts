import * as v from "valibot";
import { formats } from "../../images/format";
import { maxOriginalBytes } from "../../images/inspect";
import { aboutEntities, isMediaKey, keyPattern, mediaKey } from "../../domain/media/model";
import { getMedia, listMedia } from "../../domain/media/queries";
import { setHumanText } from "../../domain/media/store";
import { Problem, problemOfRefusal } from "../../errors";
import type { Refused } from "../../queue/request";
import { validate } from "../../queue/validate";
import { chunksOf, smallBody } from "../body";
import { headersOf, mediaShape, variantNamed, mediaView } from "../media/view";
import { found, notFound, unavailableProblem } from "../problem";
import { paging } from "../query";
import { param, route } from "../route";
import { boundedText, outputList } from "../../bounded";

const aboutHeader = "Jobyard-About";

const media = formats.map((format) => `image/${format}`);
const text = v.strictObject({
  altText: v.nullable(boundedText(1000, { trim: true, pattern: /^[^\p{Cc}\u2028\u2029]*$/u, rule: "must be one line of at most 1,000 characters" })),
});
const keyText = boundedText(800);
/** Variants listed in one sentence. */
const maxNamed = 20;

export const mediaRoutes = [
  route("GET /v1/media", {
    name: "listMedia",
    summary: "Pictures with their variants and alt texts, by key",
    scope: "read",
    query: v.strictObject({
      prefix: v.optional(v.pipe(keyText, v.description("Prefix of the keys")), ""),
      cursor: v.optional(keyText, ""),
      limit: paging.limit,
    }),
    answers: { 200: v.object({ media: outputList(mediaShape), cursor: v.nullable(v.string()) }) },
    handle: async ({ deps, tenant, query: { prefix, cursor, limit } }) => {
      const page = await listMedia({ db: deps.db, tenant }, prefix, { after: cursor, limit });
      return { status: 200, body: { media: page.media.map(mediaView), cursor: page.cursor } };
    },
  }),
  route("PUT /v1/media/:key+/alt-text", {
    name: "putAltText",
    summary: "Set a picture's alt text by hand; no model overwrites it. null removes it",
    scope: "enqueue",
    params: { key: keyPattern },
    body: { schema: text, limit: smallBody },
    answers: { 200: mediaShape },
    handle: async ({ deps, tenant, params, body }) => {
      const scope = { db: deps.db, tenant, key: keyIn(params) };
      if (!(await setHumanText(scope, body.altText, deps.now()))) throw notFound("picture");
      return { status: 200, body: mediaView((await getMedia(scope)) ?? throwMissing()) };
    },
  }),
  route("PUT /v1/media/:key+", {
    name: "putMedia",
    summary: "Store a picture; its thumbnails and alt text are made afterwards",
    description: "Up to 20 MB. See docs/images.md.",
    scope: "enqueue",
    params: { key: keyPattern },
    headers: {
      [aboutHeader]: "What it is about, as lead:4711; several are separated by commas. Erasing a person removes the pictures of their leads and offers",
    },
    body: { schema: v.pipe(v.string(), v.description("The bytes of the picture")), limit: maxOriginalBytes, readByHandler: true, media },
    answers: { 200: mediaShape },
    problems: [429],
    handle: async ({ deps, tenant, params, request }) => {
      const { key } = validate(v.object({ key: mediaKey }), { key: param({ params }, "key") }, "The key in the path");
      const stored = await deps.media.put(tenant, key, chunksOf(request, maxOriginalBytes), aboutIn(request.headers));
      if ("full" in stored) throw tooBusy(stored.full);
      if ("found" in stored) throw new Problem("unsupported-media-type", `Send a JPEG, PNG, GIF, WebP or AVIF: by its first bytes this is ${stored.found}.`);
      if (stored.refused) throw notAccepted(stored.refused);
      return { status: 200, body: mediaView((await getMedia({ db: deps.db, tenant, key })) ?? throwMissing()) };
    },
  }),
  route("GET /v1/media/:key+", {
    name: "getMedia",
    summary: "A picture with its variants and alt text; with `variant` the bytes of one",
    scope: "read",
    params: { key: keyPattern },
    query: v.strictObject({
      variant: v.optional(v.pipe(boundedText(100), v.description("WxH: the requested box or the actual size; or a variant's name"))),
      v: v.optional(v.pipe(boundedText(100), v.description("The version that the caller means; with it the answer may be cached forever"))),
    }),
    answers: { 200: mediaShape, 304: null },
    otherMedia: ["image/*"],
    handle: async ({ deps, tenant, params, query, request }) => {
      const picture = found(await getMedia({ db: deps.db, tenant, key: keyIn(params) }), "picture");
      if (query.variant === undefined) return { status: 200, body: mediaView(picture) };
      const variant = variantNamed(picture.variants, query.variant);
      const object = variant && (await deps.media.open(variant));
      if (!variant || !object) throw noVariant(picture.variants.map(({ name }) => name));
      const headers = headersOf(variant, object.httpEtag, query.v === picture.etag);
      if (!hasVersion(request.headers.get("if-none-match"), object.httpEtag))
        return { status: 200, text: object.body, headers: { ...headers, "content-length": String(object.size) } };
      await object.body.cancel();
      return { status: 304, headers };
    },
  }),
  route("DELETE /v1/media/:key+", {
    name: "deleteMedia",
    summary: "Remove a picture and everything made of it",
    scope: "enqueue",
    params: { key: keyPattern },
    answers: { 204: null },
    handle: async ({ deps, tenant, params }) => {
      if (!(await deps.media.remove(tenant, keyIn(params)))) throw notFound("picture");
      return { status: 204 };
    },
  }),
];

/** The key in the path; one that is too long is not found. */
function keyIn(params: Readonly<Record<string, string>>): string {
  const key = param({ params }, "key");
  if (!isMediaKey(key)) throw notFound("picture");
  return key;
}

function aboutIn(headers: Headers): string[] {
  const header = headers.get(aboutHeader) ?? "";
  const named = header.slice(0, 2000).split(",", 10);
  const entities = named.map((each) => each.trim()).filter((each) => each !== "");
  return validate(aboutEntities, entities, `The header ${aboutHeader}`);
}

/** Seconds within which most uploads end. */
const retryUploadSeconds = 5;

function tooBusy(full: "tenant" | "isolate"): Problem {
  if (full === "tenant") return new Problem("too-many-requests", "Too many of your uploads are under way at once.", { retryAfter: retryUploadSeconds });
  return new Problem("unavailable", "Too many uploads are under way at once.", { retryAfter: retryUploadSeconds });
}

function notAccepted(refused: Refused): Problem {
  return problemOfRefusal({ ...refused, detail: `The picture is stored, but its jobs were not accepted: ${refused.detail}` });
}

function noVariant(names: readonly string[]): Problem {
  if (names.length === 0) return new Problem("not-found", "The picture has no variants yet.");
  const more = names.length - maxNamed;
  const named = `${names.slice(0, maxNamed).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
  return new Problem("not-found", `There is no such variant; there are ${named}.`);
}

/** Whether a header If-None-Match names this ETag: a proxy may have marked it as weak. */
function hasVersion(header: string | null, etag: string): boolean {
  const etags = (header ?? "")
    .slice(0, 2000)
    .split(",", 50)
    .map((each) => each.trim().replace(/^W\//, ""));
  return etags.includes(etag) || etags.includes("*");
}

/** For a picture that another call removed between two reads. */
function throwMissing(): never {
  throw unavailableProblem("The picture was changed at the same time.");
}
