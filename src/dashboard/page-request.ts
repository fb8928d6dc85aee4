import type { DashboardDeps } from "./deps";

/** A request of a signed-in person for a page of a tenant. */
export interface PageRequest {
  request: Request;
  deps: DashboardDeps;
  token: string;
  /** A tenant, or `*`. */
  tenant: string;
  /** Path after the tenant: `/jobs`. */
  path: string;
}
