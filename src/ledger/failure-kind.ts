import { sha256Base32 } from "../crypto";

/**
 * The id of the group that a failure belongs to: a hash of its type and of its reason without numbers, ids and quoted text.
 */
export async function failureKind(type: string, reason: string): Promise<string> {
  const pattern = reason
    .toLowerCase()
    .replace(/"[^"]*"|'[^']*'/g, "…")
    .replace(/[0-9a-f]{8,}[0-9a-f-]*/g, "#")
    .replace(/\d+/g, "#")
    .slice(0, 200);
  return (await sha256Base32(`${type}\n${pattern}`)).slice(0, 16);
}

/** A number; first, as a group, a status code of HTTP or of a mail server where reasons name one: `mail: 422`, `answered 503`, `(401)`. */
const numbers = /((?:^|[:(] ?|\b(?:answered|with|status|http) )[2-5]\d\d(?!\w|\.\d))|\d+/gi;

/**
 * The group's title for operators: the reason in its own case, with … or # where names and numbers stood. Status codes stay: they say what to do.
 * They tell no groups apart: of a group with several the title has the newest.
 */
export function titleOf(reason: string): string {
  return reason
    .replace(/"[^"]*"/g, '"…"')
    .replace(/'[^']*'/g, "'…'")
    .replace(/[0-9a-f]{8,}[0-9a-f-]*/gi, "#")
    .replace(numbers, (_, status?: string) => status ?? "#")
    .slice(0, 200)
    .toWellFormed();
}
