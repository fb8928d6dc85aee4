import type { ComponentChildren } from "preact";

interface TableProps {
  /** The label for screen readers. */
  label: string;
  /** Names of the columns; one that begins with `#` holds numbers, one with `-` is left out on a phone, an empty one holds actions. */
  columns: readonly string[];
  children: ComponentChildren;
  /** New rows appear at the top: while the pointer or the focus is in the table they wait behind a button. */
  stream?: boolean;
}

export function Table({ label, columns, children, stream = false }: TableProps) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={label}>
      <table aria-label={label}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column} scope="col" class={classOf(column) || undefined}>
                {column.replace(/^[#-]+/, "") || <span class="unseen">Actions</span>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody {...(stream ? { "data-stream": "" } : {})}>{children}</tbody>
      </table>
    </div>
  );
}

function classOf(column: string): string {
  const marks = /^[#-]*/.exec(column)?.[0] ?? "";
  return [marks.includes("#") ? "num" : "", marks.includes("-") ? "wide" : ""].filter(Boolean).join(" ");
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
