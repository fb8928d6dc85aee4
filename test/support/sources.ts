import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

export const src = resolve(import.meta.dirname, "../../src");

export interface Import {
  /** Paths from src/, without extension: `queue/send/send`. */
  from: string;
  /** A path from src/ when it is ours, else the package's name. */
  to: string;
  ours: boolean;
}

export const files = globSync("**/*.{ts,tsx}", { cwd: src })
  .map((file) => file.replaceAll("\\", "/"))
  .filter((file) => !file.endsWith(".d.ts"));

export const texts = new Map(files.map((file) => [nameOf(file), readFileSync(join(src, file), "utf8")]));

export const imports = [...texts].flatMap(([from, text]) => importsOf(from, text));

export const inside = imports.filter(({ ours }) => ours);

export const withTypes = [...texts].flatMap(([from, text]) => typesToo(from, text)).filter(({ ours }) => ours);

/** What drives the engine, as against its words: only index.ts and the composition root call these. */
export const drivers = new Set(
  ["consume", "execute", "execution", "settler", "run/settle", "sweep", "disposition", "run/claim", "accept/bury", "backstop", "context", "send/send"].map(
    (name) => `queue/${name}`,
  ),
);

/** From below. What is in none of these folders is a leaf; so are the files of src/ itself, but for index.ts. */
export const floors = [["queue"], ["providers", "ledger"], ["tenants"], ["domain"], ["jobs"], ["intake"], ["dashboard"], ["app", "index"]];

export const leaf = 0;

export const top = floors.length;

export function floorOf(file: string): number {
  return floors.findIndex((folders) => folders.includes(file.split("/")[0] ?? "")) + 1;
}

export function strays(folder: string, allowed: (to: string) => boolean): Import[] {
  return inside.filter(({ from, to }) => from.startsWith(folder) && !allowed(to));
}

export function matchesOf(file: string, text: string, pattern: RegExp): string[] {
  return [...withoutComments(text).matchAll(pattern)].map(([match]) => `${file}: ${match}`);
}

export function isJobModule(file: string): boolean {
  return /^jobs\/[^/]+\//.test(file);
}

export function mayTouchBindings(file: string): boolean {
  const isDurableObject = /\bextends DurableObject\b/.test(texts.get(file) ?? "");
  return file === "index" || file === "app" || file.startsWith("app/") || isDurableObject;
}

export function lines(file: string): number {
  return (texts.get(file) ?? "").trimEnd().split("\n").length;
}

/** Each round trip of imports once, as the path of its files. */
export function cycles(edges: readonly Import[]): string[] {
  const next = Map.groupBy(edges, ({ from }) => from);
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) found.push([...path.slice(path.indexOf(file)), file].join(" → "));
    if (done.has(file) || path.includes(file)) return;
    for (const { to } of next.get(file) ?? []) visit(to, [...path, file]);
    done.add(file);
  };
  for (const file of next.keys()) visit(file, []);
  return found;
}

export function importsOf(from: string, text: string): Import[] {
  const code = withoutComments(text);
  const statements = [...code.matchAll(/^(?:import|export)\s+(?!type\b)([\w*{][^"'`;]*?\bfrom\s*)?"([^"]+)"/gm)];
  const statically = statements.filter(([, names]) => !hasOnlyTypes(names)).map(([, , target]) => target);
  const dynamically = [...code.matchAll(/(?:\bawait|=>|\breturn|\()\s*import\(\s*"([^"]+)"/g)].map(([, target]) => target);
  return [...statically, ...dynamically].filter((target) => target !== undefined).map((target) => targetOf(from, target));
}

/** All imports at the top of a file, those of types included. */
export function typesToo(from: string, text: string): Import[] {
  const statements = withoutComments(text).matchAll(/^(?:import|export)\s+(?:[^"'`;]*?\bfrom\s*)?"([^"]+)"/gm);
  return [...statements].map(([, target]) => targetOf(from, target ?? ""));
}

export function hasOnlyTypes(names: string | undefined): boolean {
  const listed = /^\{([^}]*)\}/.exec(names ?? "")?.[1];
  if (listed === undefined) return false;
  const specifiers = listed
    .split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "");
  return specifiers.every((each) => each.startsWith("type "));
}

export function targetOf(from: string, target: string): Import {
  const inPackage = /\/node_modules\/(.+)$/.exec(target)?.[1];
  if (inPackage !== undefined) return targetOf(from, inPackage);
  if (!target.startsWith(".")) return { from, to: target.startsWith("@") ? target.split("/", 2).join("/") : (target.split("/")[0] ?? target), ours: false };
  const path = relative(src, resolve(src, dirname(from), target)).replaceAll("\\", "/");
  const isFolder = !texts.has(path) && existsSync(join(src, path));
  return { from, to: isFolder ? `${path}/index` : path, ours: true };
}

/** A path such as "/trpc/*" begins no comment. */
export function withoutComments(text: string): string {
  return text.replaceAll(/(?<![\w"'`/*-])\/\*[\s\S]*?\*\//g, "").replaceAll(/^\s*\/\/.*$/gm, "");
}

export function nameOf(file: string): string {
  return file.replace(/\.tsx?$/, "");
}
