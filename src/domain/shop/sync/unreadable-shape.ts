import * as v from "valibot";
import { outputList } from "../../../queue/bounded";

/** Rows of a shop that could not be read, as results and the interface show them. */
export const unreadableRows = outputList(v.object({ resource: v.string(), id: v.number(), reason: v.string() }));
