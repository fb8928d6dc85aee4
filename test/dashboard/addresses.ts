import { pages } from "../../src/dashboard/pages";
import { idOf } from "./answers";

/** The elements of a page with their attributes. */
export async function elementsOf(html: string) {
  const found: { name: string; attributes: [string, string][] }[] = [];
  const rewriter = new HTMLRewriter().on("*", {
    element: (element) => void found.push({ name: element.tagName, attributes: [...element.attributes] as [string, string][] }),
  });
  await rewriter.transform(new Response(html)).text();
  return found;
}

/** An address of each page, by its pattern. */
export const given: Record<string, string> = {
  "/jobs/:id": idOf(2),
  "/failures/:group": "g0",
  "/replays/:id": "r0",
  "/bulk/:id": "b0",
  "/flow/:queue": "events",
  "/sites/:site": "shop-0",
  "/campaigns/:id": "c1",
  "/agents/:id": "run-0",
};

/** What a page that is nothing without it is asked for. */
export const queries: Record<string, string> = { "/bulk": "?verb=cancel&type=email" };

export const addresses = pages.map(({ path, tenants }) => [path.replace(/:\w+/, given[path] ?? "") + (queries[path] ?? ""), tenants] as const);

export const addressOf = ([path, tenants]: readonly [string, string]) => `/t/${tenants === "all" ? "*" : "demo"}${path}`;

export const all = addresses.map(addressOf);

/** Names of the actions that a page offers, by form or by button. */
export const offeredIn = (html: string) => [...html.matchAll(/action="\/t\/[^"/]+\/do\/([\w-]+)"/g)].map(([, name = ""]) => name);
