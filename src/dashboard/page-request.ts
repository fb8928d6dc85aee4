import type { DashboardDeps } from "./deps";

/** A request for a page of a tenant, by a person who has signed in. */
export interface PageRequest {
  request: Request;
  deps: DashboardDeps;
  token: string;
  /** A tenant, or `*`. */
  tenant: string;
  /** Behind the tenant: `/jobs`. */
  path: string;
}
