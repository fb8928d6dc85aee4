import { withCommas } from "../decimal";
import { Problem, summaryOf } from "../errors";

/** How many of each a tenant may have. With the limit of a project's body the snapshot in KV stays under 8 MB of the 25 MB it may have. */
export const maxProjects = 100;
export const maxSites = 500;
export const maxTemplates = 500;
/** Of one template; older ones are removed. */
export const maxTemplateVersions = 100;
/** Schedules besides the default ones of its sites. */
export const maxSchedules = 500;
/** Of its own, besides those that are built in. */
export const maxDestinations = 50;
export const maxSubscriptions = 20;
/** Not revoked. */
export const maxTokens = 100;
/** Tokens with the revoked ones, which are kept so that they are refused. */
export const maxTokensEver = 5000;

/** A kind of rows whose number is bounded per tenant. */
export interface Bound {
  /** Table and column of the name; both stand in SQL as they are. */
  table: string;
  key: string;
  max: number;
  /** The end of the refusal's sentence, as in "may have at most 100 projects; remove one first". */
  what: string;
  /** A condition on the rows that count. Default: all do. */
  counted?: string;
}

/**
 * The condition under which a statement may insert a row: a row of its name exists (it is replaced), or the tenant has fewer than the bound.
 * It is part of the inserting statement, so that two at the same time do not exceed the bound. `?1` is the tenant, `?2` the name.
 */
export function hasRoom({ table, key, max, counted }: Bound): string {
  const own = `FROM ${table} WHERE tenant = ?1`;
  const others = `SELECT count(DISTINCT ${key}) ${own}${counted ? ` AND (${counted})` : ""}`;
  return `(EXISTS (SELECT 1 ${own} AND ${key} = ?2) OR (${others}) < ${max})`;
}

/** The 422 for a row that `hasRoom` refused. */
export function tooMany({ max, what }: Bound): Problem {
  const errors = [{ path: "", message: `a tenant may have at most ${withCommas(max)} ${what}` }];
  return new Problem("invalid", summaryOf(errors), { errors });
}
