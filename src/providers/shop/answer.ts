import { isRecord, jsonFrom } from "../../json/record";
import { readXml } from "./xml";
import type { Element } from "./xml";

/** The content of a webservice answer, in every version and format. */
export type ShopAnswer =
  | { kind: "rows"; elements: readonly unknown[]; gaps: number; errors: readonly ShopError[]; warnings: readonly string[] }
  /** An HTML page. */
  | { kind: "html" }
  /** Neither: nothing follows from it, especially not that there are no rows. */
  | { kind: "unreadable"; reason: string };

/** PrestaShop's own error. */
export interface ShopError {
  code: number | null;
  message: string;
}

/**
 * Reads a list. The body decides the format: the output of a module changes the content type and precedes the data.
 * Rows may have any root; an empty list is valid only under the root of the resource itself.
 * `elements` includes the empty arrays of rows that the shop failed to load; `gaps` counts those that PrestaShop 8 omitted between others.
 */
export function readAnswer(text: string, resource: string): ShopAnswer {
  const body = text.trim();
  if (body === "") return unreadable("an empty answer");
  const exact = jsonFrom(body);
  if (exact !== undefined) return fromJson(exact, resource, []);
  if (isPage(body)) return { kind: "html" };
  const broken = body.startsWith("{") || body.startsWith("[");
  return xmlIn(body, resource) ?? jsonIn(body, resource) ?? unreadable(broken ? "JSON that breaks off" : "an answer that is neither JSON nor XML");
}

const mixed = "the shop mixed other text into its answer: a module or PHP notices";

function fromJson(body: unknown, resource: string, warnings: readonly string[]): ShopAnswer {
  if (Array.isArray(body)) return body.length === 0 ? { kind: "rows", elements: [], gaps: 0, errors: [], warnings } : unreadable("a JSON list without a root");
  if (!isRecord(body)) return unreadable("JSON without a root");
  const { errors: listed, ...roots } = body;
  const errors = errorsOf(listed);
  const [first, ...others] = Object.entries(roots);
  if (!first && errors.length > 0) return { kind: "rows", elements: [], gaps: 0, errors, warnings };
  const elements = first && others.length === 0 ? elementsOf(first[1]) : undefined;
  return elements && (elements.length > 0 || first?.[0] === resource)
    ? { kind: "rows", elements, gaps: gapsIn(first?.[1]), errors, warnings }
    : unreadable("JSON that is no list of rows");
}

/** A list, an object with numeric keys (when a row in its middle could not be loaded), or one row by itself. */
function elementsOf(root: unknown): readonly unknown[] | undefined {
  if (Array.isArray(root)) return root.every(isElement) ? root : undefined;
  if (!isRecord(root)) return undefined;
  if (Object.keys(root).every((key) => /^\d+$/.test(key))) return elementsOf(Object.values(root));
  return "id" in root ? [root] : undefined;
}

/** Keys that are missing below the last one. */
function gapsIn(root: unknown): number {
  if (!isRecord(root) || "id" in root) return 0;
  const places = Object.keys(root).map(Number);
  return places.length === 0 ? 0 : Math.min(maxGaps, Math.max(...places) + 1 - places.length);
}

/** More rows than any page has. */
const maxGaps = 10_000;

/** A row, or the empty value of a row that the shop failed to load. */
function isElement(value: unknown): boolean {
  return value === null || value === false || typeof value === "object";
}

function errorsOf(given: unknown): ShopError[] {
  const list = Array.isArray(given) ? given : isRecord(given) ? Object.values(given) : [];
  return list.filter(isRecord).map(({ code, message }) => {
    const number = Number(typeof code === "string" || typeof code === "number" ? code : Number.NaN);
    return { code: Number.isInteger(number) ? number : null, message: typeof message === "string" ? message : "" };
  });
}

/**
 * PHP's notices and a module's output precede the data; output at shutdown follows it. The first value that looks like data is read to its end, and
 * nothing else is tried. Truncated JSON may contain complete lists too, such as lines.
 */
function jsonIn(body: string, resource: string): ShopAnswer | undefined {
  const start = /\{\s*"/.exec(body)?.index;
  const end = start === undefined ? undefined : endOfObject(body, start);
  const json = end === undefined ? undefined : jsonFrom(body.slice(start, end));
  const read = json === undefined ? undefined : fromJson(json, resource, [mixed]);
  // An empty list is two characters: it is accepted at the end, or before a line break or mark-up.
  if (/^\[\s*\](?=\s*[\n<])/.test(body)) return read?.kind === "rows" ? undefined : fromJson([], resource, [mixed]);
  return start === undefined && /\[\s*\]$/.test(body) ? fromJson([], resource, [mixed]) : read;
}

/** The end of the object that begins at `start`; undefined when it is truncated. */
function endOfObject(text: string, start: number): number | undefined {
  for (let at = start, depth = 0; at < text.length; at++) {
    if (text[at] === '"') at = endOfString(text, at);
    else if (text[at] === "{") depth++;
    else if (text[at] === "}" && --depth === 0) return at + 1;
  }
  return undefined;
}

/** Position of the closing quote. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at;
}

function xmlIn(body: string, resource: string): ShopAnswer | undefined {
  const start = /<\?xml\s|<prestashop[\s>]/.exec(body)?.index;
  const root = start === undefined ? undefined : readXml(body.slice(start));
  if (root?.name !== "prestashop") return undefined;
  const errors = errorsOf(root.children.filter(({ name }) => name === "errors").flatMap(({ children }) => children.map(childFields)));
  const [list, ...others] = root.children.filter(({ name }) => name !== "errors");
  const elements = list?.children.map(rowFromElement) ?? [];
  const believed = list ? elements.length > 0 || list.name === resource : errors.length > 0;
  if (others.length > 0 || !believed) return unreadable("XML that is no list of rows");
  return { kind: "rows", elements, gaps: 0, errors, warnings: start ? [mixed] : [] };
}

/** In a list of ids the id is an attribute. */
function rowFromElement(element: Element): Record<string, unknown> {
  return { ...(element.attributes["id"] === undefined ? {} : { id: element.attributes["id"] }), ...childFields(element) };
}

function childFields({ children }: Element): Record<string, unknown> {
  return Object.fromEntries(children.map((child) => [child.name, child.name === "associations" ? associationsOf(child) : valueOf(child)]));
}

function associationsOf({ children }: Element): Record<string, unknown> {
  return Object.fromEntries(children.map(({ name, children: rows }) => [name, rows.map(childFields)]));
}

function valueOf({ text, children }: Element): unknown {
  const languages = children.filter(({ name }) => name === "language");
  return languages.length > 0 ? languages.map(({ attributes, text: value }) => ({ id: attributes["id"], value })) : text;
}

function isPage(body: string): boolean {
  return /<!doctype\s+html|<html[\s>]|<head[\s>]|<body[\s>]/i.test(body.slice(0, 5000));
}

function unreadable(reason: string): ShopAnswer {
  return { kind: "unreadable", reason };
}
