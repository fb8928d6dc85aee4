import { contentTypeOf, formatOf } from "../../images/format";
import { withoutMetadata } from "../../images/jpeg";
import { failed, ok } from "../../queue/effect";
import type { Images } from "./images";
import { imageRefusal } from "./refusal";

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
