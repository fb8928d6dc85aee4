/** The byte order mark, by which spreadsheets read a file as UTF-8. */
export const byteOrderMark = "\ufeff";

/** One line of CSV (RFC 4180) in which no cell is a formula, whichever of comma, semicolon, tab and bar a spreadsheet takes for the separator. */
export function csvLine(values: readonly (string | number)[]): string {
  return `${values.map(cell).join(",")}\r\n`;
}

export function cell(value: string | number): string {
  const text = typeof value === "string" ? withoutFormulas(value) : String(value);
  return /[",\r\n;\t'|]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const plainNumber = /^-?\d{1,15}(?:\.\d{1,9})?$/;
const formula = /^[\s\u00a0\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20]/;

/** An apostrophe stands before whatever a spreadsheet would take for a formula, telephone numbers too: `+49` is one. */
function withoutFormulas(text: string): string {
  if (plainNumber.test(text)) return text;
  // Each part begins a cell where its separator counts as one.
  const guarded = text.split(/([;\t\r\n|])/).map((part) => (formula.test(part) ? `'${part}` : part));
  return `${/^[\t\r\n]/.test(text) ? "'" : ""}${guarded.join("")}`;
}
