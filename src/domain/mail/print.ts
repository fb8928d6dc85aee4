/** The value cannot be printed: it is missing, or an object. */
export class NoPrintableValue extends Error {}

/** A value as text in a mail: texts, numbers and booleans as they are, lists joined. Throws NoPrintableValue for anything else. */
export function printed(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return value.map(printed).join("");
  throw new NoPrintableValue();
}
