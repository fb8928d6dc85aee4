import type { Draw } from "./draw.ts";
import type { Column, Kind, Plan, Value } from "./table.ts";

export function column(kind: Kind, of: (id: number) => Value): Column {
  return { kind, of };
}

export function plan(name: string, one: string, count: number, columns: Record<string, Column>, associations: Plan["associations"] = {}): Plan {
  return { name, one, count, columns: { id: column("id", (id) => id), ...columns }, associations };
}

/** Rows that are written down, first row first. */
export function listed(name: string, one: string, kinds: Record<string, Kind>, rows: readonly Value[][]): Plan {
  const columns = Object.entries(kinds).map(([field, kind], at) => [field, column(kind, (id) => rows[id - 1]?.[at] ?? null)]);
  return plan(name, one, rows.length, Object.fromEntries(columns));
}

/** Nine letters, as PrestaShop draws them. */
export function letters(draw: Draw, name: string, id: number, length: number): string {
  return Array.from({ length }, (_, at) => String.fromCharCode(65 + draw(`${name}${at}`, id, 26))).join("");
}
