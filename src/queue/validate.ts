import { isRecord } from "../json/record";
import * as v from "valibot";
import { firstIssues, type Issue, maxIssues, Problem, wrongInput } from "../errors";

type Schema<Output> = v.GenericSchema<any, Output>; // oxlint-disable-line no-explicit-any -- variance: any input

/** The validated value; throws `invalid` with the first issues and their paths. `subject` names the value in the sentence: "The body". */
export function validate<Output>(schema: Schema<Output>, value: unknown, subject: string): Output {
  const checked = check(schema, value);
  if (checked.ok) return checked.value;
  throw new Problem("invalid", wrongInput(subject, checked.issues), { errors: checked.issues });
}

type Checked<Output> = { ok: true; value: Output } | { ok: false; issues: readonly Issue[] };

/** As `validate`, with the issues as a value: 20 at most, and one that counts the others. Messages never repeat the value. */
export function check<Output>(schema: Schema<Output>, value: unknown): Checked<Output> {
  // To valibot a list is an object, whose fields are missing.
  if (objectTypes.has(schema.type) && !isRecord(value)) return { ok: false, issues: [{ path: "", message: noObject }] };
  const result = v.safeParse(schema, value, { message: plainMessage });
  if (result.success) return { ok: true, value: result.output };
  return { ok: false, issues: distinct(result.issues, schema) };
}

/**
 * A message for what a schema has none of its own for: the library's own messages quote what they received. For `v.safeParse`'s settings.
 */
export function plainMessage(issue: v.BaseIssue<unknown>): string {
  if (issue.received === "undefined") return "is missing";
  if (issue.expected === "Object") return noObject;
  return issue.expected === null ? `is not a valid ${issue.type.replaceAll("_", " ")}` : `must be ${issue.expected}`;
}

/** A path below another: `payload` and `to` are `payload.to`, `payload` and `[0]` are `payload[0]`. */
export function below(parent: string, path: string): string {
  if (path === "") return parent;
  return path.startsWith("[") ? `${parent}${path}` : `${parent}.${path}`;
}

/** The message of one of the library's issues; of many unknown fields the first ones, and how many are left out. */
function toIssues(issue: v.BaseIssue<unknown>, schema: v.GenericSchema): { issues: Issue[]; uncounted: number } {
  const one = (path: string, message: string) => ({ issues: [{ path, message }], uncounted: 0 });
  const list = (issue.path ?? []).findIndex(({ type, input }) => type === "object" && Array.isArray(input));
  if (list >= 0) return one(pathText({ path: issue.path?.slice(0, list) }), noObject);
  if (issue.expected !== "never" || issue.type !== "strict_object") return one(pathText(issue), issue.message);
  const last = issue.path?.at(-1);
  const fields = fieldsAt(schema, issue.path?.slice(0, -1) ?? [], issue.path?.[0]?.input);
  const names = new Set(fields);
  const sent = typeof last?.input === "object" && last.input !== null ? Object.keys(last.input) : [];
  const unknown = fields.length === 0 ? [String(last?.key)] : sent.filter((name) => !names.has(name));
  const above = pathText({ path: issue.path?.slice(0, -1) });
  const message = unknownField(fields);
  const issues = unknown.slice(0, maxIssues).map((name) => ({ path: above ? `${above}.${name}` : name, message }));
  return { issues, uncounted: unknown.length - issues.length };
}

const noObject = "must be an object";
const objectTypes = new Set(["object", "strict_object", "loose_object", "object_with_rest", "record", "variant"]);

/** Distinct issues, the first 20; the others are only counted. A list where an object is expected has one issue, not one for each missing field. */
function distinct(issues: readonly v.BaseIssue<unknown>[], schema: v.GenericSchema): readonly Issue[] {
  const found = new Map<string, Issue>();
  let uncounted = 0;
  for (const issue of issues) {
    if (found.size >= maxIssues) {
      uncounted++;
      continue;
    }
    const read = toIssues(issue, schema);
    uncounted += read.uncounted;
    for (const each of read.issues) found.set(`${each.path}\n${each.message}`, each);
  }
  const all = [...found.values()];
  return firstIssues(all.slice(0, maxIssues), uncounted + Math.max(0, all.length - maxIssues));
}

function unknownField(known: readonly string[]): string {
  return known.length === 0 ? "is not a field here" : `is not a field here; known are ${known.join(", ")}`;
}

/** `jobs[3].payload.to`; empty for the whole. */
function pathText(issue: { path?: readonly { key: unknown }[] | undefined }): string {
  return (issue.path ?? []).reduce((text, { key }) => (typeof key === "number" ? `${text}[${key}]` : text ? `${text}.${String(key)}` : String(key)), "");
}

interface Node {
  type?: string;
  key?: string;
  entries?: Record<string, unknown>;
  wrapped?: unknown;
  item?: unknown;
  value?: unknown;
  options?: readonly unknown[];
  pipe?: readonly unknown[];
}

type Step = { key: unknown; input: unknown };

/** Names of the fields that the schema has at a path; of a variant, those of the option that the value chose. */
function fieldsAt(schema: unknown, path: readonly Step[], value: unknown): string[] {
  const node = schema as Node;
  if (node.wrapped) return fieldsAt(node.wrapped, path, value);
  if (node.options) return [...new Set(chosen(node, value).flatMap((option) => fieldsAt(option, path, value)))];
  const [step, ...rest] = path;
  if (!step) return Object.keys(node.entries ?? {});
  const name = String(step.key);
  const next = node.entries?.[name] ?? node.item ?? node.value;
  return typeof next === "object" && next !== null ? fieldsAt(next, rest, (step.input as Record<string, unknown>)[name]) : [];
}

function chosen(node: Node, input: unknown): readonly unknown[] {
  const key = node.key;
  if (node.type !== "variant" || key === undefined || typeof input !== "object" || input === null) return node.options ?? [];
  const value = (input as Record<string, unknown>)[key];
  const fitting = (node.options ?? []).filter((option) => {
    const entry = (option as Node).entries?.[key];
    return entry !== undefined && v.is(entry as v.GenericSchema, value);
  });
  return fitting.length > 0 ? fitting : (node.options ?? []);
}
