import { boundedName } from "../../../bounded";

/** The name of a site in a payload. */
export const siteId = boundedName();
