import { localTime } from "./clock.ts";
import type { Display } from "./select.ts";
import type { ShopSettings } from "./settings.ts";
import type { Kind, Table, Value } from "./table.ts";

/** What is rendered: a list, or one row asked for by its id. */
export interface Shown {
  table: Table;
  ids: readonly number[];
  display: Display;
  /** Without `display` a single row has another shape than a list of one. */
  single: boolean;
  languages: readonly number[];
  settings: ShopSettings;
}

type Field = [name: string, value: unknown];

export function json(shown: Shown): string {
  const { table, ids, display, single, settings } = shown;
  const { name, one } = table.plan;
  if (ids.length === 0) return "[]";
  if (single) return JSON.stringify({ [one]: settings.version === "8.2" ? stripped(rowOf(shown, ids[0] ?? 0)) : rowOf(shown, ids[0] ?? 0) });
  if (display === "ids") return JSON.stringify({ [name]: ids.map((id) => ({ id })) });
  const broken = new Set(settings.broken[name]);
  const rows = ids.map((id) => (broken.has(id) ? null : rowOf(shown, id)));
  if (settings.version === "1.7.8") return JSON.stringify({ [name]: rows.map((row) => row ?? []) });
  // PHP encodes an array as a list only when its keys have no gap.
  const loaded = rows.flatMap((row, at) => (row ? [[at, row] as const] : []));
  if (loaded.length === 0) return "[]";
  const gap = loaded.some(([at], place) => at !== place);
  return JSON.stringify({ [name]: gap ? Object.fromEntries(loaded) : loaded.map(([, row]) => row) });
}

export function xml(shown: Shown): string {
  const { table, ids, display, single, settings } = shown;
  const { name, one } = table.plan;
  const broken = new Set(settings.broken[name]);
  const rows = ids.map((id) => {
    if (display === "ids" && !single) return `<${one} id="${id}" xlink:href="https://shop.invalid/api/${name}/${id}"/>`;
    return broken.has(id) ? `<${one}/>` : `<${one}>\n${xmlOf(shown, id)}</${one}>`;
  });
  return document(single ? rows.join("") : `<${name}>\n${rows.join("\n")}\n</${name}>`);
}

export function xmlErrors(errors: readonly { code: number; message: string }[]): string {
  return document(
    `<errors>${errors.map(({ code, message }) => `<error><code>${cdata(code)}</code><message>${cdata(message)}</message></error>`).join("\n")}</errors>`,
  );
}

/** The resources a key may read. */
export function xmlResources(names: readonly string[]): string {
  return document(
    `<api shopName="Sandbox">${names.map((name) => `<${name} get="true" put="false" post="false" patch="false" delete="false" head="true"/>`).join("\n")}</api>`,
  );
}

function document(inside: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<prestashop xmlns:xlink="http://www.w3.org/1999/xlink">\n${inside}\n</prestashop>\n`;
}

function rowOf(shown: Shown, id: number): Record<string, unknown> {
  const associations = Object.entries(associationsOf(shown, id)).filter(([, rows]) => rows.length > 0);
  const lists = associations.map(([name, rows]): Field => [name, rows.map((row) => Object.fromEntries(row))]);
  return { ...Object.fromEntries(fieldsOf(shown, id)), ...(lists.length > 0 ? { associations: Object.fromEntries(lists) } : {}) };
}

function xmlOf(shown: Shown, id: number): string {
  const fields = fieldsOf(shown, id).map(([name, value]) => `<${name}>${Array.isArray(value) ? languagesOf(value) : cdata(value)}</${name}>\n`);
  const lists = Object.entries(associationsOf(shown, id)).map(([name, rows]) => {
    const one = shown.table.plan.associations[name]?.one ?? name;
    const inside = rows.map((row) => `<${one}>${row.map(([field, value]) => `<${field}>${cdata(value)}</${field}>`).join("")}</${one}>`);
    return `<${name} nodeType="${one}" virtualEntity="true">${inside.join("")}</${name}>`;
  });
  return `${fields.join("")}${lists.length > 0 ? `<associations>${lists.join("")}</associations>\n` : ""}`;
}

function languagesOf(words: { id: unknown; value: unknown }[]): string {
  return words
    .map(({ id, value }) => `<language id="${String(id)}" xlink:href="https://shop.invalid/api/languages/${String(id)}">${cdata(value)}</language>`)
    .join("");
}

function cdata(value: unknown): string {
  return value === null || value === undefined || value === "" ? "" : `<![CDATA[${String(value)}]]>`;
}

function fieldsOf(shown: Shown, id: number): Field[] {
  const { table, display } = shown;
  const names = typeof display === "string" ? Object.keys(table.plan.columns) : display.columns;
  return names.map((name) => [name, rawOf(shown, `${id}.${name}`) ?? textOf(table.plan.columns[name]?.kind ?? "text", table.value(id, name), shown)]);
}

/** What stands in the place of a field's own value. */
function rawOf({ table, settings }: Shown, path: string): unknown {
  return settings.raw[table.plan.name]?.[path];
}

function associationsOf(shown: Shown, id: number): Record<string, Field[][]> {
  const { table, display, settings } = shown;
  const wanted = typeof display === "string" ? Object.fromEntries(Object.keys(table.plan.associations).map((name) => [name, []])) : display.associations;
  const lists = Object.entries(wanted).map(([name, fields]) => {
    const rows = table.plan.associations[name]?.rows(id) ?? [];
    const shownFields = rows.map((row) => Object.entries(row).filter(([field]) => fields.length === 0 || fields.includes(field)));
    const fieldOf = (at: number, field: string, { kind, value }: { kind: Kind; value: Value }): Field => [
      field,
      rawOf(shown, `${id}.${name}.${at}.${field}`) ?? scalar(kind, value, settings),
    ];
    return [name, shownFields.map((row, at) => row.map(([field, own]) => fieldOf(at, field, own)))];
  });
  return Object.fromEntries(lists) as Record<string, Field[][]>;
}

function textOf(kind: Kind, value: Value, { languages, settings }: Shown): unknown {
  if (kind !== "words" || languages.length === 1) return scalar(kind, value, settings);
  return languages.map((id) => ({ id: settings.version === "8.2" ? id : String(id), value: id === 1 ? value : `${String(value)} (${id})` }));
}

function scalar(kind: Kind, value: Value, { timeZone, php81, decimalComma }: ShopSettings): string | number | null {
  if (kind === "date") return value === null ? "0000-00-00 00:00:00" : localTime(Number(value), timeZone);
  if (kind === "day") return value === null ? "0000-00-00" : localTime(Number(value), timeZone).slice(0, 10);
  if (kind === "decimal") return decimalComma ? decimal(Number(value)).replace(".", ",") : decimal(Number(value));
  if (kind === "id" || kind === "number") return Number(value);
  if (kind === "int" && php81) return Number(value);
  return value === null ? null : String(value);
}

/** Millionths as the database prints them. */
export function decimal(micros: number): string {
  const digits = String(Math.abs(Math.round(micros))).padStart(7, "0");
  return `${micros < 0 ? "-" : ""}${digits.slice(0, -6)}.${digits.slice(-6)}`;
}

/** What 8 leaves out of a single row: PHP's array_filter() drops all that is empty to it. */
function stripped(row: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null && value !== false && value !== 0 && value !== "" && value !== "0"));
}
