/**
 * What a column holds: `id` its own, `int` an id of another row or a number, `number` one that is never shown as text, `decimal` millionths,
 * `date` and `day` UTC milliseconds or null, `words` text in each language, `dynamic` text that cannot be filtered.
 */
export type Kind = "id" | "int" | "number" | "flag" | "decimal" | "text" | "date" | "day" | "words" | "dynamic";
export type Value = string | number | null;

export interface Column {
  kind: Kind;
  /** The value in a row that was not changed. */
  of(id: number): Value;
}

export interface Association {
  /** Name of one of them in XML. */
  one: string;
  rows(id: number): Record<string, { kind: Kind; value: Value }>[];
}

export interface Plan {
  name: string;
  /** Name of a single row. */
  one: string;
  /** Rows 1 to `count` are there from the start. */
  count: number;
  columns: Record<string, Column>;
  associations: Record<string, Association>;
}

/** A planned table with what was done to it since. */
export class Table {
  readonly plan: Plan;
  readonly #changed = new Map<number, Record<string, Value>>();
  readonly #added: number[] = [];
  readonly #deleted = new Set<number>();

  constructor(plan: Plan) {
    this.plan = plan;
  }

  has(id: number): boolean {
    return Number.isInteger(id) && id > 0 && !this.#deleted.has(id) && (id <= this.plan.count || this.#changed.has(id));
  }

  /** Ascending, behind `after`. */
  *ids(after = 0): Generator<number> {
    for (let id = Math.max(0, Math.floor(after)) + 1; id <= this.plan.count; id++) if (!this.#deleted.has(id)) yield id;
    for (const id of this.#added) if (id > after && !this.#deleted.has(id)) yield id;
  }

  value(id: number, column: string): Value {
    const changed = this.#changed.get(id);
    if (changed && Object.hasOwn(changed, column)) return changed[column] ?? null;
    return this.plan.columns[column]?.of(id) ?? null;
  }

  /** False when there is no such row. `date_upd` becomes `now` unless that is null. */
  change(id: number, fields: Record<string, Value>, now: number | null): boolean {
    if (!this.has(id)) return false;
    this.#changed.set(id, { ...this.#changed.get(id), ...this.#stamped(now, ["date_upd"]), ...fields });
    return true;
  }

  /** Fields that are not given are made as those of any other row. */
  add(fields: Record<string, Value>, now: number): number {
    const id = Math.max(this.plan.count, this.#added.at(-1) ?? 0) + 1;
    this.#added.push(id);
    this.#changed.set(id, { ...this.#stamped(now, ["date_add", "date_upd"]), ...fields });
    return id;
  }

  remove(id: number): boolean {
    if (!this.has(id)) return false;
    this.#deleted.add(id);
    return true;
  }

  #stamped(now: number | null, columns: string[]): Record<string, Value> {
    if (now === null) return {};
    return Object.fromEntries(columns.filter((column) => this.plan.columns[column]).map((column) => [column, Math.floor(now / 1000) * 1000]));
  }
}
