import type { Failure } from "../../queue/effect";

/** A variant to render. `cover` and `pad` give exactly this size, `scale-down` at most this size; only `scale-down` never enlarges. */
interface RenderRequest {
  width: number;
  height: number;
  fit: "scale-down" | "cover" | "pad";
  format: "webp" | "avif" | "jpeg";
  /** 1 to 100; undefined: the provider's default. */
  quality?: number | undefined;
}

type RenderedImage = { ok: true; value: Uint8Array<ArrayBuffer> } | { ok: false; failure: ImageFailure };

export interface ImageFailure extends Failure {
  isAboutPicture?: boolean;
}

/** Decodes, rotates, resizes and encodes pictures. */
export interface Images {
  /**
   * The upright first frame in the requested format, without metadata. A repeat is harmless, its price aside. Never throws.
   * A failure with code `unknown` has no reason of the provider: a broken file, or a transient fault. `isAboutPicture`: no request can render
   * this picture.
   */
  render(original: Uint8Array<ArrayBuffer>, request: RenderRequest): Promise<RenderedImage>;
}

declare module "../../queue/job" {
  interface Capabilities {
    images: Images;
  }
}
