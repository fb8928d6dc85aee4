import type { Names } from "./names.ts";

const list = /export const jobs\b[^=]*=\s*\[/;

/** The list of all jobs with one more in it; null when the text holds no such list. */
export function withJob(text: string, names: Names): string | null {
  const opening = list.exec(text);
  if (!opening) return null;
  const start = opening.index + opening[0].length;
  const end = closingOf(text, start);
  if (end === null) return null;
  const entries = text.slice(start, end).trimEnd();
  const separator = entries.trim() === "" || /,(\s*\/\/[^\n]*)?$/.test(entries) ? "" : ",";
  const body = `${entries}${separator}\n  job(${names.contract}, ${names.run}),\n`;
  return withImports(text.slice(0, start), names) + body + text.slice(end);
}

/** Whether the list names the job already, or something else by its name. */
export function hasJob(text: string, { type, contract, run }: Names): boolean {
  return text.includes(`"./${type}/job"`) || new RegExp(`\\b(${contract}|${run})\\b`).test(text);
}

/** Where the bracket that was opened before `start` is closed; brackets in strings and comments do not count. */
function closingOf(text: string, start: number): number | null {
  const parts = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|[[\]]/g;
  parts.lastIndex = start;
  let depth = 1;
  for (let part = parts.exec(text); part; part = parts.exec(text)) {
    if (part[0] === "[") depth++;
    if (part[0] === "]" && --depth === 0) return part.index;
  }
  return null;
}

/** Behind the last import, which may run over several lines. */
function withImports(head: string, { type, contract, run }: Names): string {
  const added = `import { ${contract} } from "./${type}/job";\nimport { ${run} } from "./${type}/run";\n`;
  const imports = [...head.matchAll(/^import\b[^;]*;[^\n]*\n/gm)];
  const last = imports.at(-1);
  const at = last ? last.index + last[0].length : 0;
  return head.slice(0, at) + added + head.slice(at);
}
