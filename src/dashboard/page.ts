import type { VNode } from "preact";
import type { TokenScope } from "../tenants/token";
import type { Api } from "./api";

interface Viewer {
  /** Tenant of the address; `*`: all tenants. */
  tenant: string;
  isRoot: boolean;
  /** Scopes of the token. */
  scopes: readonly string[];
  may(scope: TokenScope | "root"): boolean;
}

/** One request for a page. */
export interface Visit extends Viewer {
  api: Api;
  url: URL;
  /** True for a POST by a form of these pages, which no link from elsewhere can cause. */
  isSent: boolean;
  /** `/t/{tenant}`: the beginning of this tenant's addresses. */
  base: string;
  /** Milliseconds. */
  now: number;
  params: Readonly<Record<string, string>>;
}

/** A page: its query and its view. */
interface DashboardPage<Model = unknown> {
  /** Path after `/t/{tenant}`: `/jobs/:id`. */
  path: string;
  /** Name of its entry in the navigation. */
  section: string;
  /** `one`: only for one tenant. `all`: only for all tenants together. `any`: both. */
  tenants: "one" | "any" | "all";
  /** A form of these pages may request it by POST, for what a link must not do. Default: false. */
  takesForm?: true;
  title(model: Model, visit: Visit): string;
  query(visit: Visit): Promise<Model>;
  view(model: Model, visit: Visit): VNode;
  /** How often it refreshes. Default: `calm`. */
  pace?(model: Model, visit: Visit): Pace;
}

/** `quick`: something on it changes now. `never`: each view is audited, or nothing changes. */
type Pace = "quick" | "calm" | "never";

/** A page of any model. */
export type AnyPage = DashboardPage<any>; // eslint-disable-line -- each is checked where it is written

/** Ties the types of one page together. */
export function page<Model>(definition: DashboardPage<Model>): AnyPage {
  return definition;
}
