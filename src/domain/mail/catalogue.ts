import { isBuiltInTemplate, withBuiltIn, withBuiltInListed } from "./built-in";
import type { TemplateContent } from "./model";
import { putTemplate } from "./store";
import { knownTemplates, listTemplates, createTemplates, userOfLayout } from "./queries";

/** All templates that a tenant can use: its own and the built-in ones. */
export function createTemplateCatalogue(db: D1Database) {
  return {
    ...withBuiltIn(createTemplates(db)),
    put: (tenant: string, id: string, content: TemplateContent, now: number) => putTemplate(db, tenant, id, content, now),
    list: async (tenant: string, after: string, limit: number) => withBuiltInListed(await listTemplates(db, tenant, after, limit), after, limit),
    userOfLayout: (tenant: string, layout: string) => userOfLayout(db, tenant, layout),
    known: async (tenant: string, ids: readonly string[]) => {
      const own = await knownTemplates(db, tenant, ids);
      return new Set([...own, ...ids.filter(isBuiltInTemplate)]);
    },
  };
}
