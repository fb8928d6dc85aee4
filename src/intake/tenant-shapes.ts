import * as v from "valibot";
import { outputList } from "../bounded";
import { settingsSchema } from "../tenants/tenant";
import { tokenScopes } from "../tenants/token";
import { cursor, dated, isoTime } from "./shapes";

/** Shapes of tenants and their tokens in answers. */

export const tenantShape = v.object({ tenant: v.string(), name: v.string(), timezone: v.string(), settings: settingsSchema, ...dated });
export const tenantsShape = v.object({ tenants: outputList(tenantShape), cursor });

export const mintedShape = v.object({ id: v.string(), token: v.pipe(v.string(), v.description("Shown once and not stored")) });

export const tokensShape = v.object({
  tokens: outputList(
    v.object({
      id: v.string(),
      name: v.string(),
      scopes: outputList(v.picklist(tokenScopes)),
      types: v.pipe(v.nullable(outputList(v.string())), v.description("Remote types that the scope work is bound to; null: all")),
      created: isoTime,
      revoked: v.nullable(isoTime),
      lastUsed: v.pipe(v.nullable(isoTime), v.description("Last use, to within an hour; null: none is recorded")),
    }),
  ),
});
