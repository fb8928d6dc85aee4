import { localTime } from "./clock.ts";
import type { Column, Table, Value } from "./table.ts";

/** What PrestaShop answers instead of rows. */
export interface Refusal {
  status: number;
  code: number;
  message: string;
}

export interface Selection {
  ids: number[];
  display: Display;
}

/** `ids`: without a display. Else the columns, and the associations with their fields (all of them when empty). */
export type Display = "ids" | "full" | { columns: string[]; associations: Record<string, string[]> };

/** The rows of a list, by filters, sort and limit as classes/webservice reads them. */
export function select(table: Table, query: URLSearchParams, zone: string): Selection | Refusal {
  const withDates = isSet(query.get("date"));
  const filters = filtersOf(table, query, withDates, zone);
  if (isRefusal(filters)) return filters;
  const display = displayOf(table, query.get("display"));
  if (isRefusal(display)) return display;
  const order = sortOf(table, query.get("sort"), withDates, zone);
  if (isRefusal(order)) return order;
  const limit = limitOf(query.get("limit"));
  if (isRefusal(limit)) return limit;
  return { ids: pick(table, filters, order, limit), display };
}

export function isRefusal(value: object | string): value is Refusal {
  return typeof value === "object" && "status" in value;
}

interface Filters {
  /** No row up to this id can fit. */
  after: number;
  fits: ((id: number) => boolean)[];
}

type Order = { byId: true } | { byId: false; compare: (a: number, b: number) => number };

function pick(table: Table, { after, fits }: Filters, order: Order, { from, count }: { from: number; count: number }): number[] {
  const found: number[] = [];
  for (const id of table.ids(after)) {
    if (!fits.every((fit) => fit(id))) continue;
    found.push(id);
    if (order.byId && found.length >= from + count) break;
  }
  return (order.byId ? found : found.sort(order.compare)).slice(from, from + count);
}

function filtersOf(table: Table, query: URLSearchParams, withDates: boolean, zone: string): Filters | Refusal {
  const { columns } = table.plan;
  const filters: Filters = { after: 0, fits: [] };
  for (const [parameter, value] of query) {
    const [, name = "", nested] = /^filter\[([^\]]*)\](\[.*)?$/.exec(parameter) ?? [];
    if (name === "" || name === "sort" || name === "limit") continue;
    const column = columns[name];
    if (nested !== undefined) return refuse(31, "There is no existing linked table for this resource");
    // With date=1 even a table without dates may be filtered by one: the database then refuses, and the list is empty.
    if (!column && withDates && isDate(name)) filters.fits.push(() => false);
    else if (!column || (isDate(name) && !withDates)) return didYouMean("This filter does not exist", name, available(table, withDates), 32);
    else if (value === "") return refuse(33, `The filter "${name}" is malformed.`);
    else if (column.kind === "dynamic") return refuse(34, `The field "${name}" is dynamic. It is not possible to filter GET query with this field.`);
    else {
      if (name === "id") filters.after = Math.max(filters.after, Number(/^>\[(\d+)\]$/.exec(value)?.[1] ?? 0));
      filters.fits.push(fitOf(table, name, column, value, zone));
    }
  }
  return filters;
}

/** An interval is digits, dots, colons, dashes and blanks around a comma; all else between brackets is compared as a whole. */
function fitOf(table: Table, name: string, column: Column, filter: string, zone: string): (id: number) => boolean {
  const read = (id: number) => comparable(table.value(id, name), column, zone);
  const operand = (text: string) => (isNumeric(column) ? Number(/^\s*-?\d+(\.\d+)?/.exec(text)?.[0] ?? 0) : text.toLowerCase());
  const [, before = "", inside = "", behind = ""] = /^(.*)\[(.*)\](.*)$/.exec(filter) ?? [];
  if (!/^(.*)\[(.*)\](.*)$/.test(filter)) return (id) => read(id) === operand(filter);
  if (before === "%" || behind === "%") return (id) => isLike(String(read(id)), before, inside.toLowerCase(), behind);
  if (before === ">") return (id) => read(id) > operand(inside);
  if (before === "<") return (id) => read(id) < operand(inside);
  const values = inside.split("|").map(operand);
  if (before === "!") return (id) => !values.includes(read(id));
  if (inside.indexOf("|") > 0) return (id) => values.includes(read(id));
  const ends = /^([\d.:\-\s]+),([\d.:\-\s]+)$/.exec(inside)?.slice(1).map(operand);
  if (!ends) return (id) => read(id) === operand(inside);
  const [low = "", high = ""] = ends.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return (id) => low <= read(id) && read(id) <= high;
}

/** As the database compares it. */
function comparable(value: Value, { kind }: Column, zone: string): string | number {
  if (kind === "date" || kind === "day") return value === null ? "0000-00-00 00:00:00" : localTime(Number(value), zone);
  if (kind === "decimal") return Number(value) / 1_000_000;
  return typeof value === "string" ? value.toLowerCase() : Number(value);
}

function isNumeric({ kind }: Column): boolean {
  return ["id", "int", "number", "flag", "decimal"].includes(kind);
}

function isLike(value: string, before: string, inside: string, behind: string): boolean {
  if (before === "%" && behind === "%") return value.includes(inside);
  return before === "%" ? value.endsWith(inside) : value.startsWith(inside);
}

function displayOf(table: Table, text: string | null): Display | Refusal {
  if (text === null || text === "minimum") return "ids";
  if (text === "full") return "full";
  const { columns, associations } = table.plan;
  const fields = `available: ${Object.keys(columns).join(", ")}`;
  const inside = /^\[(.*)\]$/.exec(text)?.[1];
  if (inside === undefined) return refuse(36, `The 'display' syntax is wrong. You can set 'full' or '[field_1,field_2,field_3,...]'. These are ${fields}`);
  const display: Display = { columns: [], associations: {} };
  for (const [, name = "", nested] of inside.matchAll(/([^,[\]]+)(?:\[([^\]]*)\])?(?:,|$)/g)) {
    if (nested === undefined ? !columns[name.trim()] : !associations[name.trim()]) {
      return refuse(35, `Unable to display this field "${name.trim()}". However, these are ${fields}`);
    }
    if (nested === undefined) display.columns.push(name.trim());
    else display.associations[name.trim()] = nested.split(",");
  }
  return display;
}

function sortOf(table: Table, text: string | null, withDates: boolean, zone: string): Order | Refusal {
  if (text === null) return { byId: true };
  const keys: { name: string; column: Column; sign: number }[] = [];
  for (const part of (/^\[(.*)\]$/.exec(text)?.[1] ?? text).split(",")) {
    const [, name = "", direction = ""] = /^(.*)_(ASC|DESC)$/i.exec(part) ?? [];
    const column = table.plan.columns[name];
    if (direction === "") return refuse(37, 'The "sort" value has to be formed as this example: "field_ASC" or \'[field_1_DESC,field_2_ASC,field_3_ASC,...]\'');
    if (!column || (isDate(name) && !withDates)) {
      return refuse(38, `Unable to filter by this field. However, these are available: ${available(table, withDates).join(", ")}, for i18n fields:`);
    }
    keys.push({ name, column, sign: direction.toUpperCase() === "ASC" ? 1 : -1 });
  }
  const [first] = keys;
  if (first?.name === "id" && first.sign === 1) return { byId: true };
  const compare = (a: number, b: number) => {
    for (const { name, column, sign } of keys) {
      const [left, right] = [comparable(table.value(a, name), column, zone), comparable(table.value(b, name), column, zone)];
      if (left !== right) return left < right ? -sign : sign;
    }
    return a - b;
  };
  return { byId: false, compare };
}

function limitOf(text: string | null): { from: number; count: number } | Refusal {
  if (text === null) return { from: 0, count: Infinity };
  const parts = text.split(",").map((part) => Math.max(0, Math.floor(Number.parseFloat(part)) || 0));
  const [first = 0, second] = parts;
  if (parts.length > 2) return refuse(39, 'The "limit" value has to be formed as this example: "5,25" or "10"');
  return second === undefined ? { from: 0, count: first } : { from: first, count: second };
}

function available(table: Table, withDates: boolean): string[] {
  return Object.keys(table.plan.columns).filter((name) => withDates || !isDate(name));
}

function isDate(name: string): boolean {
  return name === "date_add" || name === "date_upd";
}

/** As PHP's !empty(). */
function isSet(value: string | null): boolean {
  return value !== null && value !== "" && value !== "0";
}

export function didYouMean(message: string, wrong: string, words: readonly string[], code: number): Refusal {
  const nearest = words.toSorted((a, b) => distance(wrong, a) - distance(wrong, b))[0] ?? "";
  return refuse(code, `${message}. Did you mean: "${nearest}"? The full list is: "${words.join('", "')}"`);
}

function refuse(code: number, message: string): Refusal {
  return { status: 400, code, message };
}

/** How many letters differ, roughly. */
function distance(a: string, b: string): number {
  let same = 0;
  while (same < a.length && a[same] === b[same]) same++;
  return Math.max(a.length, b.length) - same;
}
