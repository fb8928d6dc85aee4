import { withCommas } from "../decimal";
import { Problem, issueSummary } from "../errors";

/** Rows of each kind that a tenant may have. With the limit of a project's body, the snapshot in KV stays below 8 MB of at most 25 MB. */
export const maxProjects = 100;
export const maxSites = 500;
export const maxTemplates = 500;
/** Versions of one template; older ones are deleted. */
export const maxTemplateVersions = 100;
/** Schedules besides the default ones of its sites. */
export const maxSchedules = 500;
/** The tenant's own destinations, besides the built-in ones. */
export const maxDestinations = 50;
export const maxSubscriptions = 20;
/** Tokens that are not revoked. */
export const maxTokens = 100;
/** Tokens including revoked ones, which are kept so that they are refused. */
export const maxTokensEver = 5000;

/** A kind of rows whose number is bounded per tenant. */
export interface RowBound {
  /** Table, and column of the name; both are inserted into SQL. */
  table: string;
  key: string;
  max: number;
  /** The end of the refusal's sentence, as in "may have at most 100 projects; remove one first". */
  what: string;
  /** SQL condition of the rows that count. Default: all. */
  counted?: string;
}

/**
 * The condition under which a statement may insert a row: a row of its name exists (it is replaced), or the tenant has fewer than the bound.
 * It is part of the inserting statement, so that two at the same time do not exceed the bound. `?1` is the tenant, `?2` the name.
 */
export function hasRoom({ table, key, max, counted }: RowBound): string {
  const own = `FROM ${table} WHERE tenant = ?1`;
  const others = `SELECT count(DISTINCT ${key}) ${own}${counted ? ` AND (${counted})` : ""}`;
  return `(EXISTS (SELECT 1 ${own} AND ${key} = ?2) OR (${others}) < ${max})`;
}

/** The 422 for a row that `hasRoom` refused. */
export function tooManyRows({ max, what }: RowBound): Problem {
  const errors = [{ path: "", message: `a tenant may have at most ${withCommas(max)} ${what}` }];
  return new Problem("invalid", issueSummary(errors), { errors });
}
