import type { ComponentChildren } from "preact";
import { searchOf } from "../api";
import type { Visit } from "../page";
import { number } from "./format";

/**
 * A column: its name, the cell of a row, the cell's class and its title. A name that begins with `#` is of numbers, one with `-` is left out on a
 * phone; a column without a name holds actions.
 */
export type Column<Row> = readonly [name: string, cell: (row: Row) => ComponentChildren, className?: string, title?: (row: Row) => string];

interface TableProps<Row> {
  /** The label for screen readers. */
  label: string;
  rows: readonly Row[];
  columns: readonly Column<Row>[];
  /** Id of a row's element; without one its changes are not followed. */
  id?: (row: Row, index: number) => string;
  /** The text in place of a table without rows. Default: the table's head alone. */
  empty?: ComponentChildren;
  below?: (row: Row) => ComponentChildren;
  class?: string;
  /** New rows appear at the top: while the pointer or the focus is in the table they wait behind a button. */
  stream?: boolean;
}

export function Table<Row>({ label, rows, columns, id, empty, below, class: className, stream = false }: TableProps<Row>) {
  if (empty !== undefined && rows.length === 0) return <Empty>{empty}</Empty>;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={label}>
      <table class={className} aria-label={label}>
        <thead>
          <tr>
            {columns.map(([name]) => (
              <th key={name} scope="col" class={marksOf(name) || undefined}>
                {columnName(name) || <span class="unseen">Actions</span>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody {...(stream ? { "data-stream": "" } : {})}>
          {rows.map((row, index) => [
            <tr key={index} id={id?.(row, index)}>
              {columns.map(([name, cell, further, title]) => (
                <td
                  key={name}
                  class={[marksOf(name), further ?? (columnName(name) === "" ? "actions" : "")].filter(Boolean).join(" ") || undefined}
                  title={title?.(row)}
                >
                  {cell(row)}
                </td>
              ))}
            </tr>,
            below?.(row),
          ])}
        </tbody>
      </table>
    </div>
  );
}

function columnName(column: string): string {
  return column.replace(/^[#-]+/, "");
}

function marksOf(column: string): string {
  const marks = /^[#-]*/.exec(column)?.[0] ?? "";
  return [marks.includes("#") ? "num" : "", marks.includes("-") ? "wide" : ""].filter(Boolean).join(" ");
}

interface OlderProps {
  /** Null: this is the last page. */
  cursor: string | null;
  /** Address of the list. Default: of this page. */
  path?: string;
  query?: Readonly<Record<string, string | undefined>>;
  label?: string;
}

/** The link to the next page of a list. */
export function Older({ cursor, path = "", query = {}, label = "Older" }: OlderProps) {
  return cursor === null ? null : (
    <p class="pager">
      <a rel="next" href={`${path}${searchOf({ ...query, cursor })}`}>
        {label}
      </a>
    </p>
  );
}

/** The tenant of a row, on a page of all tenants. */
export function Tenant({ visit, of }: { visit: Visit; of: string }) {
  return visit.tenant === "*" ? <span class="dim">{of} </span> : null;
}

/** A number; zero is dimmed. */
export function Count({ value }: { value: number }) {
  return value === 0 ? <span class="dim">0</span> : <>{number(value)}</>;
}

/** The text in place of an empty list. */
export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}

/** A part of a page under a heading. */
export function Section({ title, id, children, aside }: { title: string; id?: string; children: ComponentChildren; aside?: ComponentChildren }) {
  return (
    <section id={id}>
      <div class="head">
        <h2>{title}</h2>
        {aside}
      </div>
      {children}
    </section>
  );
}
