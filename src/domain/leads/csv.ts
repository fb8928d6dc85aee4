import { iso } from "../../time/iso";
import { byteOrderMark, csvLine } from "../../csv";
import type { Lead } from "./store";

type Column = readonly [name: string, value: (lead: Lead) => string | number];

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

/** The names of the columns. */
export const csvHead = byteOrderMark + csvLine(columns.map(([name]) => name));

export function leadLine(lead: Lead): string {
  return csvLine(columns.map(([, value]) => value(lead)));
}
