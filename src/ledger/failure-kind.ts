import { sha256Base32 } from "../crypto";

/**
 * The name of the group of failures that are alike: type and reason without what differs from case to case
 * (numbers, ids, quoted text).
 */
export async function kindOf(type: string, reason: string): Promise<string> {
  const pattern = reason
    .toLowerCase()
    .replace(/"[^"]*"|'[^']*'/g, "…")
    .replace(/[0-9a-f]{8,}[0-9a-f-]*/g, "#")
    .replace(/\d+/g, "#")
    .slice(0, 200);
  return (await sha256Base32(`${type}\n${pattern}`)).slice(0, 16);
}

/** As it names the group for a person: the case of letters stays, and quotes show where a name stood. */
export function titleOf(reason: string): string {
  return reason
    .replace(/"[^"]*"/g, '"…"')
    .replace(/'[^']*'/g, "'…'")
    .replace(/[0-9a-f]{8,}[0-9a-f-]*/gi, "#")
    .replace(/\d+/g, "#")
    .slice(0, 200)
    .toWellFormed();
}
