import { sha256Base32 } from "../crypto";

/** SHA-256 over a value's JSON with sorted keys: the same payload in another order of fields is the same payload. */
export async function fingerprint(value: unknown): Promise<string> {
  return (await sha256Base32(canonical(value))).slice(0, 32);
}

/** A value's JSON with sorted keys. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const fields = Object.entries(value).filter(([, field]) => field !== undefined);
    fields.sort(([left], [right]) => (left < right ? -1 : 1));
    return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${canonical(field)}`).join(",")}}`;
  }
  return JSON.stringify(value) ?? "null";
}
