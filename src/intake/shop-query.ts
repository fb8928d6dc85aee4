import * as v from "valibot";
import type { SiteScope } from "../domain/shop/scope";
import { Problem } from "../errors";
import { boundedText } from "../bounded";
import type { IntakeDeps } from "./deps";
import { paging } from "./query";
import { notFound } from "./problem";
import { param } from "./route";

type Params = Readonly<Record<string, string>>;

/** Query parameters that all lists of a shop share. */
export const shopId = v.pipe(boundedText(15, { pattern: /^[1-9]\d{0,14}$/, rule: "must be a number" }), v.transform(Number));
export const queryFlag = v.pipe(
  v.picklist(["true", "false"], "must be true or false"),
  v.transform((text) => text === "true"),
);

/** A row's number, or `c` and the number of a change: with the latter a caller continues the feed of changes. */
const position = v.optional(
  v.pipe(
    boundedText(16, { pattern: /^c?\d{1,15}$/, rule: "must be a cursor from an earlier answer" }),
    v.transform((text) => ({ inFeed: text.startsWith("c"), after: Number(text.replace("c", "")) })),
    v.description("From the answer before; null there means the end"),
  ),
);

export const shopPaging = { ...paging, cursor: position };

export function cursorOf(next: number | null, inFeed = false): string | null {
  return next === null ? null : `${inFeed ? "c" : ""}${next}`;
}

/** The site in the path. Throws `not-found` for an unknown one, so that it differs from a site without orders. */
export async function siteScope(deps: Pick<IntakeDeps, "db" | "sites">, tenant: string, params: Params): Promise<SiteScope> {
  const site = param({ params }, "site");
  if (await deps.sites.get(tenant, site)) return { db: deps.db, tenant, site };
  throw notFound("site");
}

export function numberParam(params: Params, name: string): number {
  const text = param({ params }, name);
  if (!/^[1-9]\d{0,14}$/.test(text)) throw shopRowNotFound();
  return Number(text);
}

export function shopRowNotFound(): Problem {
  return new Problem("not-found", "There is nothing with this name or id.");
}
