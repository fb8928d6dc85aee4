import * as v from "valibot";

/** A site in a payload. */
export const siteId = v.pipe(v.string("must be text"), v.regex(/^[a-z0-9-]{1,63}$/, "must be 1 to 63 of the characters a-z, 0-9 and -"));
