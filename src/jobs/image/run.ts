import { maxVisionBytes, maxVisionSide } from "../../domain/media/alt-text";
import { type PictureFacts, inspect, sizeIn, tooManyBytes } from "../../images/inspect";
import { type AltText, maxVariants, type Media, type Operation, type Thumbnail, variantName } from "../../domain/media/model";
import type { Loaded } from "../../domain/media/objects";
import { planned } from "../../images/plan";
import { type Described, unknown } from "../../domain/media/store";
import type { ImageFailure } from "../../providers/images/images";
import { outcomeOf } from "../../queue/effect";
import type { Capabilities, Run, RunContext } from "../../queue/job";
import { discard, done, type Outcome } from "../../queue/outcome";
import type { image } from "./job";

type Context = RunContext & Pick<Capabilities, "media" | "images" | "vision">;

interface Made {
  etag: string;
  variants: { name: string; width: number; height: number; made: boolean }[];
  /** The picture for the model; undefined: no text is needed. */
  picture?: Uint8Array<ArrayBuffer> | undefined;
}

// Runs after failures that may be transient or permanent.
const maxUnknownRuns = 3;

const goneNote = "the object was removed or replaced";
const tooManyVariants = `the picture has ${maxVariants} variants, and one version may not have more`;

export const runImage: Run<typeof image> = async ({ key, operations }, context) => {
  const made = await context.media.withOriginal(key, context.signal, (original) => makeAll(context, key, original, operations));
  if ("kind" in made) return made;
  const text = made.picture ? await describeImage(context, key, made.etag, made.picture) : null;
  if (text !== null && "kind" in text) return text;
  if (!context.dryRun && !(await context.media.tidy(key, made.etag))) return done({ note: goneNote });
  return done({ variants: made.variants, ...(text ? { altText: text.text } : {}) });
};

async function makeAll(context: Context, key: string, original: Loaded | null, operations: readonly Operation[]): Promise<Made | Outcome> {
  if (!original) return gone(context, key);
  const inspected = original.bytes ? inspect(original.bytes) : { ok: false as const, issue: tooManyBytes(original.size) };
  if (!inspected.ok || !original.bytes) return unprocessable(context, key, original, { ...unknown, issue: inspected.ok ? "" : inspected.issue }, operations);
  const { format, width, height } = inspected.facts;
  const described = { format, width, height, issue: null };
  const registered = context.dryRun ? null : await context.media.register(key, original, described);
  if (!registered && !context.dryRun) return gone(context, key);
  const source = { bytes: original.bytes, facts: inspected.facts };
  const made: Made = { etag: original.etag, variants: [] };
  for (const each of operations) {
    const ended =
      each.type === "thumbnail" ? await thumbnail(context, key, source, registered, each, made) : await preview(context, source.bytes, registered, made);
    if (ended && "unreadable" in ended) return unprocessable(context, key, original, { ...described, issue: ended.unreadable }, operations);
    if (ended) return ended;
  }
  if (registered?.issue && isReadable(made)) await context.media.clearIssue(key, original.etag);
  return made;
}

interface Source {
  bytes: Uint8Array<ArrayBuffer>;
  facts: PictureFacts;
}

/** Why the picture cannot be processed. */
interface Unreadable {
  unreadable: string;
}

function isReadable({ variants, picture }: Made): boolean {
  return picture !== undefined || variants.some(({ made }) => made);
}

// The former variants of the object are deleted as well: the bucket has another object now, or none.
async function gone({ media, dryRun }: Context, key: string): Promise<Outcome> {
  if (!dryRun) await media.tidy(key, null);
  return done({ note: goneNote });
}

// An unreadable picture ends one job as a dead letter, that of its thumbnails; a second for its alt text would repeat the reason.
async function unprocessable(
  { media, dryRun }: Context,
  key: string,
  original: Loaded,
  described: Described,
  operations: readonly Operation[],
): Promise<Outcome> {
  const issue = described.issue ?? "";
  if (!dryRun) {
    await media.register(key, original, described);
    await media.tidy(key, original.etag);
  }
  return operations.some(({ type }) => type === "thumbnail") ? discard(issue) : done({ note: `there is no alt text: ${issue}` });
}

async function thumbnail(
  context: Context,
  key: string,
  { bytes, facts }: Source,
  known: Media | null,
  { width, height, fit, format, quality }: Thumbnail,
  made: Made,
): Promise<Outcome | Unreadable | undefined> {
  const options = { width, height, fit, format, quality };
  const name = variantName(options);
  const earlier = known?.variants.find((each) => each.name === name) ?? made.variants.find((each) => each.name === name);
  if (earlier) return void made.variants.push({ name, width: earlier.width, height: earlier.height, made: false });
  const size = planned(facts, options);
  if (!known) return wouldDo(context, `thumbnail ${name}`, size);
  if (known.variants.length + made.variants.filter((each) => each.made).length >= maxVariants) return discard(tooManyVariants);
  // For `scale-down` the provider computes the size, since it rounds better.
  const target = fit === "scale-down" ? { width, height } : size;
  const rendered = await context.images.render(bytes, { ...target, fit, format, quality });
  if (!rendered.ok) return endedBy(rendered.failure, context);
  const result = sizeIn(rendered.value) ?? size;
  if (!(await context.media.addVariant(key, made.etag, options, { bytes: rendered.value, ...result }))) return gone(context, key);
  made.variants.push({ name, ...result, made: true });
}

// A person's text stays, and so does a model's for the same picture in the same language.
async function preview(context: Context, bytes: Uint8Array<ArrayBuffer>, known: Media | null, made: Made): Promise<Outcome | Unreadable | undefined> {
  const text = known?.altText;
  if (text && (text.source === "human" || text.language === context.media.language)) return;
  if (!known) return wouldDo(context, "alt-text", null);
  const rendered = await context.images.render(bytes, { width: maxVisionSide, height: maxVisionSide, fit: "scale-down", format: "jpeg" });
  if (!rendered.ok) return endedBy(rendered.failure, context);
  if (rendered.value.length > maxVisionBytes) return discard(`the picture has ${rendered.value.length} bytes when scaled down, a model gets ${maxVisionBytes}`);
  made.picture = rendered.value;
}

async function describeImage(context: Context, key: string, etag: string, picture: Uint8Array<ArrayBuffer>): Promise<AltText | Outcome | null> {
  const { media, vision, signal } = context;
  const ask = () => vision.describe(picture, media.language, signal, context.id);
  const answered = await context.effect("alt-text", ask, { idempotentFor: vision.idempotentFor });
  if (!answered.ok) return outcomeOf(answered.failure, context.now());
  const text = answered.value;
  return text !== null && (await media.setText(key, etag, text)) ? text : null;
}

async function wouldDo(context: Context, what: string, wouldDo: unknown): Promise<undefined> {
  await context.effect(what, () => Promise.reject(new Error("a dry run acts")), { wouldDo });
}

// A repeated failure without a reason is attributed to the picture.
function endedBy(failure: ImageFailure, { attempt, now }: Context): Outcome | Unreadable {
  if (failure.code === "unknown" && attempt >= maxUnknownRuns) return { unreadable: `${failure.reason}; tried ${attempt} times` };
  return failure.isAboutPicture ? { unreadable: failure.reason } : outcomeOf(failure, now());
}
