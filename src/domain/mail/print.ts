/** A value has no text: it is missing, or an object. */
export class NoPrintableValue extends Error {}

/** A value as it appears in a mail: text, numbers and booleans as they are, lists joined. Throws NoPrintableValue for the rest. */
export function printed(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return value.map(printed).join("");
  throw new NoPrintableValue();
}
