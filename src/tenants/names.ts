import * as v from "valibot";
import { type Issue, Problem } from "../errors";

/** Names of tenants, sites and the like, as they stand in paths and keys. */
const nameSchema = v.pipe(v.string(), v.regex(/^[a-z0-9-]{1,63}$/, "must be 1 to 63 of the characters a-z, 0-9 and -"));

/** The tenant of the installation itself: its own alerts and housekeeping. Nobody can take the name. */
export const reservedTenant = "system";

/** Throws `invalid`, naming `field`, when a name breaks the rule. */
export function checkName(field: string, name: string): void {
  const result = v.safeParse(nameSchema, name);
  if (!result.success) throw invalid(result.issues.map((issue) => ({ path: field, message: issue.message })));
}

/**
 * The input in the schema's shape. Throws `invalid` with one issue for each thing wrong;
 * a message never repeats what was sent, since that may be a secret.
 */
export function checked<Schema extends v.GenericSchema>(schema: Schema, input: unknown): v.InferOutput<Schema> {
  const result = v.safeParse(schema, input);
  if (result.success) return result.output;
  throw invalid(result.issues.map(issueOf));
}

export function invalid(errors: readonly Issue[]): Problem {
  return new Problem("invalid", errors.map(({ path, message }) => (path ? `${path}: ${message}` : message)).join("; "), { errors });
}

export function noTenant(tenant: string): Problem {
  return new Problem("not-found", `There is no tenant "${tenant}".`);
}

function issueOf(issue: v.BaseIssue<unknown>): Issue {
  const path = pathOf(issue);
  if (issue.type === "strict_object" && issue.expected === "never") return { path, message: "is not a known field" };
  if (issue.kind === "schema" && issue.input === undefined) return { path, message: "is missing" };
  return { path, message: issue.message.startsWith("Invalid ") ? `must be ${issue.expected ?? "another value"}` : issue.message };
}

/** `settings.mail.from`, `scopes[0]`; empty for the whole. */
function pathOf(issue: v.BaseIssue<unknown>): string {
  return (issue.path ?? []).reduce((text, { key }) => (typeof key === "number" ? `${text}[${key}]` : text ? `${text}.${String(key)}` : String(key)), "");
}
