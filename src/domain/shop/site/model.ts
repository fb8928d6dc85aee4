import { boundedName } from "../../../queue/bounded";

/** A site in a payload. */
export const siteId = boundedName();
