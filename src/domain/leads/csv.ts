import type { Lead } from "./store";

type Column = readonly [name: string, value: (lead: Lead) => string | number];

const iso = (at: number) => new Date(at).toISOString();

const columns: readonly Column[] = [
  ["id", ({ id }) => id],
  ["project", ({ project }) => project],
  ["name", ({ name }) => name ?? ""],
  ["email", ({ email }) => email ?? ""],
  ["phone", ({ phone }) => phone ?? ""],
  ["visitorId", ({ visitorId }) => visitorId ?? ""],
  ["score", ({ score }) => score],
  ["label", ({ label }) => label],
  ["suspicion", ({ suspicion }) => suspicion],
  ["suspicionReasons", ({ reasons }) => reasons.join("; ")],
  ["test", ({ kind }) => String(kind === "test")],
  ["bot", ({ kind }) => String(kind === "bot")],
  ["submissions", ({ submissions }) => submissions],
  ["crmId", ({ crmId }) => crmId ?? ""],
  ["createdAt", ({ created }) => iso(created)],
  ["updatedAt", ({ updated }) => iso(updated)],
];

/** RFC 4180. A byte order mark, so that spreadsheets read it as UTF-8. */
export const csvHead = `\ufeff${columns.map(([name]) => name).join(",")}\r\n`;

export function csvLine(lead: Lead): string {
  return `${columns.map(([, value]) => cell(value(lead))).join(",")}\r\n`;
}

/** What a spreadsheet would take for a formula is led by an apostrophe, telephone numbers too: `+49` is one. */
export function cell(value: string | number): string {
  const text = String(value);
  const safe = /^[\s\u00a0\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/.test(text) && typeof value === "string" ? `'${text}` : text;
  return /[",\r\n;\t']/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
