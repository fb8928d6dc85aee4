import { contentTypeOf, formatOf } from "../../images/format";
import { withoutMetadata } from "../../images/jpeg";
import { failed, ok } from "../../queue/effect";
import type { Images, ImageFailure } from "./images";
import { recordOf } from "../../json/record";
import { quoted } from "../../masking/provider-text";

/** The Images binding. Every call is billed as one transformation; nothing is cached. */
export function cloudflareImages(binding: Pick<ImagesBinding, "input">): Images {
  return {
    async render(original, { width, height, fit, format, quality }) {
      let bytes: Uint8Array<ArrayBuffer>;
      try {
        const transformed = binding.input(streamOf(original)).transform({ width, height, fit, ...(fit === "pad" ? { background: "#ffffff" } : {}) });
        const result = await transformed.output({
          format: contentTypeOf(format) as `image/${typeof format}`,
          ...(quality === undefined ? {} : { quality }),
          anim: false,
        });
        bytes = new Uint8Array(await result.response().arrayBuffer());
      } catch (thrown) {
        return { ok: false, failure: imageRefusal(thrown) };
      }
      // The answer's content type is the requested one, even where the bytes are of another format.
      const made = formatOf(bytes);
      if (!made.ok || made.format !== format) {
        return failed({ class: "permanent", reason: `images: asked for ${format}, got ${made.ok ? made.format : "no picture"}`, code: "format" });
      }
      // The binding keeps the copyright metadata of a JPEG.
      return ok(format === "jpeg" ? withoutMetadata(bytes) : bytes);
    },
  };
}

/** A stream can be read once: each picture gets its own, over the same bytes without a copy. */
function streamOf(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(bytes);
      controller.close();
    },
  });
}

/** Error codes of Cloudflare Images with their meaning for the job. Source: its page on troubleshooting. */
const byCode: Record<number, Pick<ImageFailure, "class" | "retryAfter" | "isAboutPicture"> & { meaning: string }> = {
  9401: { class: "permanent", meaning: "the options are wrong" },
  9402: { class: "permanent", isAboutPicture: true, meaning: "the picture is too large" },
  9403: { class: "permanent", meaning: "the request went round in a loop" },
  9412: { class: "permanent", isAboutPicture: true, meaning: "it is not a picture" },
  9413: { class: "permanent", isAboutPicture: true, meaning: "the picture has over 100 million pixels" },
  9422: { class: "limited", retryAfter: 3600, meaning: "the account's transformations are used up" },
  9520: { class: "permanent", isAboutPicture: true, meaning: "the format is not supported" },
  // The local binding returns it for pixels that cannot be decoded; our options are validated before.
  9523: { class: "permanent", isAboutPicture: true, meaning: "the picture was refused" },
};

/** Messages of libraries about undecodable files; the local binding passes them on without a code. */
const broken = /unsupported image format|premature end|corrupt|bad seek|invalid|truncated/i;

/** The failure for an error of the Images binding; `unknown` for an error without a known code. */
function imageRefusal(thrown: unknown): ImageFailure {
  const code = codeOf(thrown);
  const issue = code === undefined ? undefined : byCode[code];
  if (issue) {
    const { meaning, ...failure } = issue;
    return { ...failure, reason: `images: ${code}, ${meaning}`, ...quoted(thrownText(thrown)), code: String(code) };
  }
  const text = thrownText(thrown);
  if (broken.test(text)) return { class: "permanent", reason: "images: the picture cannot be decoded", ...quoted(text), code: "broken", isAboutPicture: true };
  return { class: "transient", reason: `images: ${code ?? "no code"}`, ...quoted(text), code: "unknown" };
}

function thrownText(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message.slice(0, 500) : "";
}

function codeOf(thrown: unknown): number | undefined {
  const code = recordOf(thrown)["code"];
  return typeof code === "number" ? code : undefined;
}
