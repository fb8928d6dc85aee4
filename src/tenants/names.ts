import type * as v from "valibot";
import { type RowBound, tooManyRows } from "./bounds";
import { type Issue, Problem, issueSummary } from "../errors";
import { boundedText } from "../bounded";
import { check } from "../queue/validate";

/** Names of tenants, sites and other settings, in paths and keys. */
const nameSchema = boundedText(63, { pattern: /^[a-z0-9-]{1,63}$/, rule: "must be 1 to 63 of the characters a-z, 0-9 and -" });

/** The tenant of the installation's own alerts and jobs. No tenant can have the name. */
export const reservedTenant = "system";

/** Throws `invalid`, naming `field`, when a name breaks the rule. */
export function checkName(field: string, name: string): void {
  const result = check(nameSchema, name);
  if (!result.ok) throw invalidProblem(result.issues.map(({ message }) => ({ path: field, message })));
}

/**
 * Parses the input by the schema. Throws `invalid` with the first issues;
 * a message never repeats the input, which may be a secret.
 */
export function checked<Schema extends v.GenericSchema>(schema: Schema, input: unknown): v.InferOutput<Schema> {
  const result = check(schema, input);
  if (result.ok) return result.value;
  throw invalidProblem(result.issues);
}

export function invalidProblem(errors: readonly Issue[]): Problem {
  return new Problem("invalid", issueSummary(errors), { errors });
}

export function noTenant(tenant: string): Problem {
  return new Problem("not-found", `There is no tenant "${tenant}".`);
}

/** The error when an insert found no such tenant, or the tenant has no room for the row. */
export async function whyRefused(db: D1Database, tenant: string, bound: RowBound): Promise<Problem> {
  const tenantRow = await db.prepare("SELECT 1 FROM tenants WHERE tenant = ?1").bind(tenant).first();
  return tenantRow ? tooManyRows(bound) : noTenant(tenant);
}
