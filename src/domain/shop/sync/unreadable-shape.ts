import * as v from "valibot";
import { outputList } from "../../../bounded";

/** Unreadable rows of a shop, as results and the API show them. */
export const unreadableRows = outputList(v.object({ resource: v.string(), id: v.number(), reason: v.string() }));
