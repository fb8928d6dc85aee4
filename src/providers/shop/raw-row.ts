import { link } from "./fields";

/** Whether an element stands for a row that the shop failed to load. */
export function isHole(element: unknown): boolean {
  return typeof element !== "object" || element === null || Array.isArray(element) || Object.keys(element).length === 0;
}

/** The id of an element before it is read as a row; null where it has none. */
export function idOf(element: unknown): number | null {
  return isHole(element) ? null : link((element as Record<string, unknown>)["id"], () => undefined);
}
