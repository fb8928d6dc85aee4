import { sha256Base32 } from "../crypto";

const maxPattern = 200;

/**
 * The status code of HTTP or of a mail server that a reason names. Forms: `mail: 422`, `answered 503`, `status code 404`, `HTTP 502`, `(401)`, `with 404` at an end, `502 Bad Gateway`.
 * Numbers elsewhere are ids, counts or times.
 */
const statusCode =
  /(?:^(?=[45])|^[a-z]{1,40}: |\b(?:answered|status|code|http)[ :=]{1,2}|\((?=\d{3}\))|\bwith (?=\d{3}(?:[.,;:)]|$)))([2-5]\d\d)(?![\w-]|\.\d)/i;

/**
 * The id of a failure's group: a hash of its type, its status code, and its reason without numbers, ids and quoted text.
 * A 401 and a 503 with the same words are two groups: they need different acts.
 */
export async function failureKind(type: string, reason: string): Promise<string> {
  const text = withoutNames(reason);
  const status = statusIn(text)?.[1];
  const pattern = text
    .toLowerCase()
    .replace(/(["'])…\1/g, "…")
    .replace(/\d+/g, "#")
    .slice(0, maxPattern);
  return (await sha256Base32(`${type}\n${pattern}${status === undefined ? "" : `\n${status}`}`)).slice(0, 16);
}

/** The group's title for operators: the reason in its own case, with … or # where names and numbers stood. The status code stays. */
export function titleOf(reason: string): string {
  const text = withoutNames(reason);
  const found = statusIn(text);
  const start = found ? found.index + found[0].length - 3 : text.length;
  const withoutNumbers = (part: string) => part.replace(/\d+/g, "#");
  const title = `${withoutNumbers(text.slice(0, start))}${text.slice(start, start + 3)}${withoutNumbers(text.slice(start + 3))}`;
  return title.slice(0, maxPattern).toWellFormed();
}

/** Where the title shows it. */
function statusIn(text: string): RegExpExecArray | null {
  return statusCode.exec(text.slice(0, maxPattern));
}

function withoutNames(reason: string): string {
  return reason
    .replace(/"[^"]*"/g, '"…"')
    .replace(/'[^']*'/g, "'…'")
    .replace(/[0-9a-f]{8,}[0-9a-f-]*/gi, "#");
}
