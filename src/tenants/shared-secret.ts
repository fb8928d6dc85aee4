import { boundedText } from "../queue/bounded";

/** A secret that a tenant shares with an outside system, and which authenticates it: too long to be guessed. */
export const sharedSecret = boundedText(512, { min: 16, pattern: /^[\x21-\x7e]+$/, rule: "must be 16 to 512 visible ASCII characters without spaces" });
