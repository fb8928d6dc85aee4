import * as v from "valibot";
import { statement } from "../d1";
import { boundedList, boundedName, boundedText, fieldRule } from "../bounded";
import { type RowBound, hasRoom, maxTokens, maxTokensEver } from "./bounds";
import { checked, whyRefused } from "./names";
import type { Changed } from "./tenant";
import { raiseVersion } from "./tenant";
import { maxTokenTypes, type TokenScope, tokenScopes, type Tokens } from "./token";

/** The body of `POST /v1/tenants/{tenant}/tokens`. */
export const tokenSchema = v.pipe(
  v.strictObject({
    name: boundedText(200, { min: 1, trim: true }),
    scopes: boundedList(v.picklist(tokenScopes, `must be one of ${tokenScopes.join(", ")}`), tokenScopes.length, {
      min: 1,
      rule: "must name at least one scope, and none twice",
    }),
    types: v.optional(
      v.pipe(
        boundedList(boundedName("must be a type as /v1/types lists them"), maxTokenTypes, { min: 1, rule: `must name 1 to ${maxTokenTypes} types` }),
        v.description("Remote types that the scope `work` is bound to; without it all of them"),
      ),
    ),
  }),
  fieldRule<{ name: string; scopes: TokenScope[]; types?: string[] | undefined }, "scopes" | "types">(
    ["scopes", "types"],
    ({ types, scopes: granted }) => types === undefined || (granted.includes("work") && !granted.includes("admin")),
    "binds the scope work: name that scope, and not admin, which takes all types",
    "types",
  ),
);

/** A token as it may be shown: its name and scopes, not the token itself. */
export interface TokenView {
  id: string;
  name: string;
  scopes: TokenScope[];
  /** Types the scope `work` is bound to; null: all. */
  types: string[] | null;
  created: number;
  /** When it was revoked; null while it is valid. */
  revoked: number | null;
  /** When it was used last, to within an hour; null: not since this is kept. */
  used: number | null;
}

export type TokenStore = ReturnType<typeof createTokenStore>;

export function createTokenStore(db: D1Database, tokens: Tokens, changed: Changed) {
  return {
    /**
     * Returns the token, which is stored nowhere. Throws `invalid`, also beyond `maxTokens` and `maxTokensEver`, and `not-found` when there is no such
     * tenant.
     */
    async create(tenant: string, body: unknown, now: number): Promise<{ id: string; token: string }> {
      const { name, scopes: granted, types } = checked(tokenSchema, body);
      const bound = types && [...new Set(types)];
      const id = randomId();
      const ordered = tokenScopes.filter((scope) => granted.includes(scope)).join(" ");
      const { meta } = await statement(db, insertSql, tenant, id, name, ordered, now, bound ? JSON.stringify(bound) : null).run();
      if (meta.changes === 0) throw await whyRefused(db, tenant, (await isFull(db, tenant)) ? ever : atOnce);
      return { id, token: await tokens.mint(tenant, id, granted, bound) };
    },
    /** Newest first, revoked ones too. */
    async list(tenant: string): Promise<TokenView[]> {
      const sql = "SELECT id, name, scopes, types, created, revoked, used FROM tokens WHERE tenant = ?1 ORDER BY created DESC, id";
      const { results } = await statement(db, sql, tenant).all<Omit<TokenView, "scopes" | "types"> & { scopes: string; types: string | null }>();
      return results.map(({ types, ...row }) => ({
        ...row,
        scopes: row.scopes.split(" ") as TokenScope[],
        types: types === null ? null : (JSON.parse(types) as string[]),
      }));
    },
    /** The token is refused at once in this isolate and within 60 s everywhere. False: the tenant has no such token; true also when it was revoked before. */
    async revoke(tenant: string, id: string, now: number): Promise<boolean> {
      const [revoked] = await db.batch([
        db.prepare("UPDATE tokens SET revoked = coalesce(revoked, ?3) WHERE tenant = ?1 AND id = ?2").bind(tenant, id, now),
        raiseVersion(db, tenant),
      ]);
      const wasRevoked = (revoked?.meta.changes ?? 0) > 0;
      await changed(tenant);
      return wasRevoked;
    },
  };
}

const atOnce: RowBound = { table: "tokens", key: "id", max: maxTokens, what: "tokens; revoke one first", counted: "revoked IS NULL" };
const ever: RowBound = { table: "tokens", key: "id", max: maxTokensEver, what: "tokens, those that are revoked included" };

const insertSql = `
  INSERT INTO tokens (tenant, id, name, scopes, created, types) SELECT tenant, ?2, ?3, ?4, ?5, ?6 FROM tenants
  WHERE tenant = ?1 AND ${hasRoom(atOnce)} AND ${hasRoom(ever)}`;

async function isFull(db: D1Database, tenant: string): Promise<boolean> {
  const row = await statement(db, `SELECT ${hasRoom(ever)} AS room`, tenant, "").first<{ room: number }>();
  return row?.room === 0;
}

/** 120 random bits as 24 lower-case letters and digits. */
function randomId(): string {
  const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
  return Array.from(crypto.getRandomValues(new Uint8Array(24)), (byte) => alphabet[byte % 32]).join("");
}
