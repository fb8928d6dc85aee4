/** JSON that can be folded and copied. Objects and lists fold; the first two levels are open. */
export function Json({ value, id }: { value: unknown; id: string }) {
  return (
    <div class="json">
      <button type="button" class="quiet copy" data-copy={`${id}-text`}>
        Copy
      </button>
      <div class="tree">
        <Branch value={value} depth={0} path={id} />
      </div>
      <pre id={`${id}-text`} hidden>
        {JSON.stringify(value, null, 2)}
      </pre>
    </div>
  );
}

/** Entries shown of one object or list; the copied text has all. */
const maxEntries = 200;
const openDepth = 2;

function Branch({ value, depth, path }: { value: unknown; depth: number; path: string }) {
  if (typeof value !== "object" || value === null) return <code>{JSON.stringify(value) ?? "null"}</code>;
  const entries = Object.entries(value);
  const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  if (entries.length === 0) return <code>{open + close}</code>;
  return (
    <details id={path} open={depth < openDepth}>
      <summary>
        <code>
          {open} {entries.length} {close}
        </code>
      </summary>
      <ul>
        {entries.slice(0, maxEntries).map(([name, child], index) => (
          <li key={name}>
            <code class="dim">{name}:</code> <Branch value={child} depth={depth + 1} path={`${path}-${index}`} />
          </li>
        ))}
        {entries.length > maxEntries ? <li class="dim">and {entries.length - maxEntries} more</li> : null}
      </ul>
    </details>
  );
}
