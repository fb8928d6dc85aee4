import { fromBase64, toBase64url } from "../base64";
import type { KeyRing } from "./keys";

/** What a token may be used for; `admin` includes the others. */
export const tokenScopes = ["enqueue", "read", "leads", "operate", "work", "admin"] as const;

/** Types that a token may be bound to. */
export const maxTokenTypes = 20;

export type TokenScope = (typeof tokenScopes)[number];

/** The claims of a token with a valid signature. The snapshot decides whether it was revoked. */
interface TokenClaims {
  tenant: string;
  id: string;
  scopes: readonly TokenScope[];
  /** Types of jobs that the scope `work` is bound to; undefined: all. */
  types?: readonly string[];
  /** Id of the key in SIGNING_KEYS that signed it. */
  keyId: string;
}

/**
 * Self-contained tokens: `jy_KEY.TENANT.ID.SCOPES[.TYPES].MAC`. SCOPES has one letter for each scope; TYPES, joined by `+`, are the types that a
 * `work` token is bound to. MAC is the HMAC-SHA-256, in base64url, of everything before its dot. Neither call does I/O, so a token is valid while
 * every store is down.
 */
export type Tokens = ReturnType<typeof createTokens>;

const purpose = "token";
const form =
  /^jy_([A-Za-z0-9_-]{1,32})\.([a-z0-9-]{1,63})\.([a-z0-9]{1,64})\.([erlowa]{1,6})(?:\.([a-z0-9-]{1,63}(?:\+[a-z0-9-]{1,63}){0,19}))?\.([A-Za-z0-9_-]{43})$/;

export function createTokens(ring: KeyRing) {
  return {
    async mint(tenant: string, id: string, granted: readonly TokenScope[], types: readonly string[] = []): Promise<string> {
      const body = `jy_${ring.active}.${tenant}.${id}.${lettersOf(granted)}${types.length > 0 ? `.${types.join("+")}` : ""}`;
      const mac = await crypto.subtle.sign("HMAC", await ring.signing(purpose)!, bytes(body));
      const token = `${body}.${toBase64url(new Uint8Array(mac))}`;
      if (!form.test(token)) throw new Error("A token needs a tenant, an id and at least one scope");
      return token;
    },
    /** Undefined: the token was not made with a key that is in the ring. */
    async verify(token: string): Promise<TokenClaims | undefined> {
      const [, keyId = "", tenant = "", id = "", letters = "", types, mac = ""] = form.exec(token) ?? [];
      const key = await ring.signing(purpose, keyId);
      if (!key || !(await isSigned(key, token.slice(0, -mac.length - 1), mac))) return undefined;
      const bound = types === undefined ? {} : { types: types.split("+") };
      return { tenant, id, scopes: tokenScopes.filter((scope) => letters.includes(scope.charAt(0))), ...bound, keyId };
    },
  };
}

/** Whether these scopes include the one needed. */
export function allows(granted: readonly TokenScope[], needed: TokenScope): boolean {
  return granted.includes(needed) || granted.includes("admin");
}

function lettersOf(granted: readonly TokenScope[]): string {
  return tokenScopes
    .filter((scope) => granted.includes(scope))
    .map((scope) => scope.charAt(0))
    .join("");
}

/** `verify` compares in constant time. Only the one canonical spelling of a MAC counts: the last letter has two bits to spare. */
async function isSigned(key: CryptoKey, body: string, mac: string): Promise<boolean> {
  const macBytes = fromBase64(mac);
  return macBytes !== undefined && (await crypto.subtle.verify("HMAC", key, macBytes, bytes(body))) && toBase64url(macBytes) === mac;
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
