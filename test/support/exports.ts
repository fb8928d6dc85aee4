import { globSync } from "node:fs";
import { dirname, join } from "node:path";
import { read, root } from "./pinned.ts";
import { withoutComments } from "./sources.ts";

/** What is imported from outside of this repository: the Worker's entry, and what package.json exports. */
const entries = new Set(["src/index", "src/intake/trpc/router"]);

const all = new Map(
  globSync("{src,test,scripts}/**/*.{ts,tsx,mjs}", { cwd: root }).map((file) => [file.replace(/\.(?:d\.)?(?:tsx?|mjs)$/, ""), withoutComments(read(file))]),
);

/** The exports that a file declares. */
function exportsOf(text: string): string[] {
  return [...text.matchAll(/^export (?:declare )?(?:abstract )?(?:async )?(?:function\*?|const|let|class|type|interface|enum) (\w+)/gm)].map(
    ([, name = ""]) => name,
  );
}

/** The exports that a file uses of others, as `file name`; `file *` where it takes all of a module. */
function usesOf(from: string, text: string): string[] {
  const pathTo = (target: string) => {
    const path = join(dirname(from), target).replace(/\.tsx?$/, "");
    return all.has(path) ? path : `${path}/index`;
  };
  const named = /^(?:import|export)\s+(?:type\s+)?\{(?<names>[^}]*)\}\s*from\s*"(?<target>\.[^"]*)"/gm;
  const late = /\bimport\("(?<target>\.[^"]*)"\)\)?\.(?<names>\w+)/g;
  const added = /^declare module "(?<target>\.[^"]*)" \{\s*interface (?<names>\w+)/gm;
  const single = [named, late, added].flatMap((pattern) =>
    [...text.matchAll(pattern)].flatMap(({ groups: { names = "", target = "" } = {} }) =>
      names.split(",").map(
        (each) =>
          `${pathTo(target)} ${each
            .trim()
            .replace(/^type /, "")
            .replace(/ as .*$/s, "")}`,
      ),
    ),
  );
  const whole = /(?:\*\s*(?:as \w+\s*)?from\s*|\bimport\()"(?<target>\.[^"]*)"(?!\)\)?\.\w)/g;
  const wholly = [...text.matchAll(whole)].map(({ groups: { target = "" } = {} }) => `${pathTo(target)} *`);
  // The tests of what two files share load a module by its path.
  const loaded = [...text.matchAll(/\{ (\w+(?:, \w+)*) \} = await load<[^\n]*>\("([\w/-]+)"\)/g)].flatMap(([, names = "", path = ""]) =>
    names.split(", ").map((name) => `src/${path} ${name}`),
  );
  return [...single, ...wholly, ...loaded];
}

/** The exports of src/ that no other file imports, and how many there are in all. */
export function unusedExports(): { unused: string[]; total: number } {
  const uses = new Set([...all].flatMap(([file, text]) => usesOf(file, text)));
  const exported = [...all]
    .filter(([file]) => file.startsWith("src/") && !entries.has(file))
    .flatMap(([file, text]) => exportsOf(text).map((name) => ({ file, name })));
  const unused = exported.filter(({ file, name }) => !uses.has(`${file} ${name}`) && !uses.has(`${file} *`));
  return { unused: unused.map(({ file, name }) => `${file}: ${name}`), total: exported.length };
}
