import type { JobRef } from "./ports/job-row";

/** One text for one job of all tenants: the key of maps and sets. An id alone is its tenant's. */
export function keyOf({ tenant, id }: JobRef): string {
  return `${tenant}/${id}`;
}
