import { boundedText } from "../bounded";

/** A secret by which an outside system authenticates to a tenant. */
export const sharedSecret = boundedText(512, { min: 16, pattern: /^[\x21-\x7e]+$/, rule: "must be 16 to 512 visible ASCII characters without spaces" });
