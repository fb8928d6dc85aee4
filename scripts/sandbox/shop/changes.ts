import type { Kind, Table, Value } from "./table.ts";

/** What happens to a shop's rows while it is being read. */
export interface Change {
  resource: string;
  change?: ({ id: number } & Record<string, unknown>)[];
  add?: Record<string, unknown>[];
  delete?: number[];
  /** Of the rows that are there: so many are touched, evenly spread. 0 to 1. */
  share?: number;
  /** Leaves `date_upd` as it is, as an SQL import does. */
  quiet?: boolean;
  /** Only once the resource has been asked for so many times more. */
  afterRequests?: number;
}

const rules: [name: keyof Change, fits: (value: unknown) => boolean, rule: string][] = [
  ["change", (value) => areRows(value) && value.every(({ id }) => Number.isInteger(id)), "a list of objects with an id"],
  ["add", areRows, "a list of objects"],
  ["delete", (value) => Array.isArray(value) && value.every(Number.isInteger), "a list of ids"],
  ["share", (value) => typeof value === "number" && value > 0 && value <= 1, "a number above 0, at most 1"],
  ["quiet", (value) => typeof value === "boolean", "true or false"],
  ["afterRequests", (value) => Number.isInteger(value) && Number(value) >= 1, "a whole number from 1"],
];

export function readChange(input: Record<string, unknown>, tables: ReadonlyMap<string, Table>): { change: Change } | { issues: string[] } {
  const table = tables.get(String(input["resource"]));
  if (!table) return { issues: [`"resource" must be one of ${[...tables.keys()].join(", ")}.`] };
  const known = new Set<string>(["resource", ...rules.map(([name]) => name)]);
  const unknown = Object.keys(input).filter((name) => !known.has(name));
  const issues = unknown.map((name) => `There is no field "${name.slice(0, 100)}"; there are ${[...known].join(", ")}.`);
  for (const [name, fits, rule] of rules) if (input[name] !== undefined && !fits(input[name])) issues.push(`"${name}" must be ${rule}.`);
  if (issues.length > 0) return { issues };
  const change = input as unknown as Change;
  const fields = [...(change.change ?? []), ...(change.add ?? [])].flatMap((row) => Object.keys(row)).filter((name) => !table.plan.columns[name]);
  return fields.length > 0
    ? { issues: [`There is no field "${fields[0]}" in ${change.resource}; there are ${Object.keys(table.plan.columns).join(", ")}.`] }
    : { change };
}

/** Does it; returns the ids of what was touched. */
export function applyChange(table: Table, change: Change, now: number): { changed: number[]; added: number[]; deleted: number[] } {
  const stamp = change.quiet ? null : now;
  const touched = change.share === undefined ? [] : everyNth(table, change.share).map((id) => ({ id }));
  const changed = [...(change.change ?? []), ...touched].filter(({ id, ...fields }) => table.change(id, valuesOf(table, fields), stamp));
  const added = (change.add ?? []).map((fields) => table.add(valuesOf(table, fields), now));
  return { changed: changed.map(({ id }) => id), added, deleted: (change.delete ?? []).filter((id) => table.remove(id)) };
}

function everyNth(table: Table, share: number): number[] {
  const step = 1 / share;
  return [...table.ids()].filter((_, at) => Math.floor((at + 1) / step) > Math.floor(at / step));
}

function valuesOf(table: Table, fields: Record<string, unknown>): Record<string, Value> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, stored(table.plan.columns[name]?.kind ?? "text", value)]));
}

/** Decimals as text, dates as ISO 8601 or milliseconds. */
function stored(kind: Kind, value: unknown): Value {
  if (value === null) return null;
  if (kind === "decimal") return Math.round(Number(value) * 1_000_000);
  if (kind === "date" || kind === "day") return typeof value === "number" ? value : Date.parse(String(value));
  if (kind === "flag") return Number(Boolean(Number(value)));
  return kind === "int" || kind === "number" ? Number(value) : String(value);
}

function areRows(value: unknown): value is Record<string, unknown>[] {
  return Array.isArray(value) && value.every((row) => typeof row === "object" && row !== null && !Array.isArray(row));
}
