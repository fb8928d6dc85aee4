import type { Failure } from "../../queue/effect";

/** One picture to be made of an original. With `cover` and `pad` it gets this size, with `scale-down` at most: only that never enlarges by itself. */
export interface RenderRequest {
  width: number;
  height: number;
  fit: "scale-down" | "cover" | "pad";
  format: "webp" | "avif" | "jpeg";
  /** 1 to 100; undefined: the provider's default. */
  quality?: number | undefined;
}

export type Rendered = { ok: true; value: Uint8Array<ArrayBuffer> } | { ok: false; failure: ImageFailure };

export interface ImageFailure extends Failure {
  isAboutPicture?: boolean;
}

/** Decodes, turns upright, resizes and encodes pictures. */
export interface Images {
  /**
   * The upright first frame in the format that was asked for, without metadata. Repeating it does no harm but its price. Never throws.
   * A failure of code `unknown` has no reason by the provider: a broken file, or a passing fault. `isAboutPicture`: no request can make
   * anything of this picture.
   */
  render(original: Uint8Array<ArrayBuffer>, request: RenderRequest): Promise<Rendered>;
}

declare module "../../queue/job" {
  interface Capabilities {
    images: Images;
  }
}
