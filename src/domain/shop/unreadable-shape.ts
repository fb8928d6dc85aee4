import * as v from "valibot";

/** Rows of a shop that could not be read, as results and the interface tell them. */
export const unreadableRows = v.array(v.object({ resource: v.string(), id: v.number(), reason: v.string() }));
