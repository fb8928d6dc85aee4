import * as v from "valibot";
import { rowId } from "./fields";

/** What stands for a row that the shop failed to load. */
export function isHole(element: unknown): boolean {
  return typeof element !== "object" || element === null || Array.isArray(element) || Object.keys(element).length === 0;
}

export function idOf(element: unknown): number | null {
  const id = isHole(element) ? null : (element as Record<string, unknown>)["id"];
  const read = v.safeParse(rowId, id);
  return read.success ? read.output : null;
}
