import type { VNode } from "preact";
import type { Scope } from "../tenants/token";
import type { Api } from "./api";

/** Who looks, and what about. */
export interface Viewer {
  /** Of the address: a tenant, or `*` for all of them. */
  tenant: string;
  isRoot: boolean;
  /** Of the token, as the interface names them. */
  scopes: readonly string[];
  may(scope: Scope | "root"): boolean;
}

/** One request for a page. */
export interface Visit extends Viewer {
  api: Api;
  url: URL;
  /** A form of ours asks for it: no address alone does, so that no link from elsewhere can. */
  isSent: boolean;
  /** `/t/{tenant}`: what addresses of this tenant begin with. */
  base: string;
  /** Milliseconds. */
  now: number;
  params: Readonly<Record<string, string>>;
}

/** A page: what it reads, and how that is shown. */
export interface Page<Model = unknown> {
  /** Behind `/t/{tenant}`: `/jobs/:id`. */
  path: string;
  /** Of the navigation's entry it belongs to. */
  section: string;
  /** `one`: has no meaning for all tenants at once. `all`: only for all of them. `any`: both. */
  tenants: "one" | "any" | "all";
  /** A form of ours may ask for it by POST, for what a link must not do. Default: no. */
  takesForm?: true;
  title(model: Model, visit: Visit): string;
  query(visit: Visit): Promise<Model>;
  view(model: Model, visit: Visit): VNode;
  /** How soon it is looked at again. Default: `calm`. */
  pace?(model: Model, visit: Visit): Pace;
}

/** `quick`: something on it moves. `never`: each look is recorded, or nothing changes. */
export type Pace = "quick" | "calm" | "never";

/** A page whose own model is known to itself only. */
export type AnyPage = Page<any>; // eslint-disable-line -- each is checked where it is written

/** Ties the types of one page together. */
export function page<Model>(definition: Page<Model>): AnyPage {
  return definition;
}
