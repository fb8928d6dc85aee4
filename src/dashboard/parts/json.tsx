/** JSON that can be folded and copied. Objects and lists fold; the first `open` levels are open, 2 by default. */
export function Json({ value, id, open = 2 }: { value: unknown; id: string; open?: number }) {
  return (
    <div class="json">
      <button type="button" class="quiet copy" data-copy={`${id}-text`}>
        Copy
      </button>
      <div class="tree">
        <Branch value={value} levels={open} path={id} />
      </div>
      <pre id={`${id}-text`} hidden>
        {JSON.stringify(value, null, 2)}
      </pre>
    </div>
  );
}

/** Entries shown of one object or list; the copied text has all. */
const maxEntries = 200;

function Branch({ value, levels, path }: { value: unknown; levels: number; path: string }) {
  if (typeof value !== "object" || value === null) return <code>{JSON.stringify(value) ?? "null"}</code>;
  const entries = Object.entries(value);
  const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  if (entries.length === 0) return <code>{open + close}</code>;
  return (
    <details id={path} open={levels > 0}>
      <summary>
        <code>
          {open} {entries.length} {close}
        </code>
      </summary>
      <ul>
        {entries.slice(0, maxEntries).map(([name, child], index) => (
          <li key={name}>
            <code class="dim">{name}:</code> <Branch value={child} levels={levels - 1} path={`${path}-${index}`} />
          </li>
        ))}
        {entries.length > maxEntries ? <li class="dim">and {entries.length - maxEntries} more</li> : null}
      </ul>
    </details>
  );
}
