import { isBuiltIn, withBuiltIn, withBuiltInListed } from "./built-in";
import { knownTemplates, listTemplates, putTemplate, createTemplates, userOfLayout } from "./store";

/** All templates that a tenant can use: its own and the built-in ones. */
export function createTemplateCatalogue(db: D1Database) {
  return {
    ...withBuiltIn(createTemplates(db)),
    put: (...[tenant, id, content, now]: Tail<typeof putTemplate>) => putTemplate(db, tenant, id, content, now),
    list: async (tenant: string, after: string, limit: number) => withBuiltInListed(await listTemplates(db, tenant, after, limit), after, limit),
    userOfLayout: (tenant: string, layout: string) => userOfLayout(db, tenant, layout),
    known: async (tenant: string, ids: readonly string[]) => {
      const own = await knownTemplates(db, tenant, ids);
      return new Set([...own, ...ids.filter(isBuiltIn)]);
    },
  };
}

type Tail<Of extends (db: D1Database, ...rest: never[]) => unknown> = Of extends (db: D1Database, ...rest: infer Rest) => unknown ? Rest : never;
