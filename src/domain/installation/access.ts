import { recordOf } from "../../json/record";
import { createLocalJWKSet, errors, type JSONWebKeySet, jwtVerify, type JWTPayload } from "jose";
import * as v from "valibot";
import { boundedList, boundedText, fieldRule } from "../../bounded";
import type { Http } from "../../providers/http";
import { tokenScopes } from "../../tenants/token";
import { hourMs, minuteMs } from "../../time/day";

const maxRoles = 100;
const personRule = "must be an address, or the name of a group";

const role = v.pipe(
  v.strictObject({
    email: v.optional(boundedText(254, { pattern: /^[^\s@]{1,64}@[^\s@]{1,189}$/, rule: personRule })),
    group: v.optional(boundedText(256, { min: 1, rule: personRule })),
    tenant: v.pipe(
      boundedText(63, { pattern: /^(?:\*|[a-z0-9-]{1,63})$/, rule: "must be the name of a tenant, or * for all" }),
      v.description("`*`: acts as the root token"),
    ),
    scopes: v.optional(boundedList(v.picklist(tokenScopes, `must be one of ${tokenScopes.join(", ")}`), tokenScopes.length, { min: 1 })),
  }),
  fieldRule(["email", "group"], ({ email, group }) => (email === undefined) !== (group === undefined), "name one: email or group", "email"),
  fieldRule(
    ["tenant", "scopes"],
    ({ tenant, scopes }) => (tenant === "*") === (scopes === undefined),
    "is needed for a tenant, and cannot go together with tenant *",
    "scopes",
  ),
);

/** Body of `PUT /v1/access`: who may sign in by Cloudflare Access, and with which role. */
export const accessSchema = v.strictObject({
  teamDomain: boundedText(253, { pattern: /^[a-z0-9-]{1,63}\.cloudflareaccess\.com$/, rule: "must be like acme.cloudflareaccess.com" }),
  audience: boundedText(64, { pattern: /^[0-9a-f]{64}$/, rule: "must be the AUD tag of the application: 64 hexadecimal digits" }),
  roles: v.pipe(boundedList(role, maxRoles, { min: 1 }), v.description("The first that fits counts")),
});

export type Access = v.InferOutput<typeof accessSchema>;
type AccessRole = Access["roles"][number];

/** The person of an Access token, and the matching role. */
type AccessResult =
  | { ok: true; role: AccessRole; person: string }
  /** `refused`: the token is invalid; `no-role`: it is valid, and no role matches; `unavailable`: the keys cannot be fetched. */
  | { ok: false; why: "refused" | "no-role" | "unavailable" };

/** Characters. */
const maxToken = 16_384;
/** Keys are fetched again after the first time; for a token with an unknown key, at most once in the second. Milliseconds. */
const [maxKeysAgeMs, keysAgainAfterMs] = [hourMs, minuteMs];
const [timeLimit, sizeLimit] = [5000, 100_000];

/** Verifies tokens of Cloudflare Access by the team's keys, which an isolate caches for an hour. */
export function createAccessVerifier(http: Http, now: () => number): (access: Access, token: string) => Promise<AccessResult> {
  const kept = new Map<string, { keys: JSONWebKeySet | null; at: number }>();
  const keysOf = async (domain: string, maxAge: number) => {
    const cached = kept.get(domain);
    if (cached && now() - cached.at < maxAge) return cached.keys;
    const fetched = await fetchKeys(http, domain);
    // When the fetch fails, older keys are used.
    const keys = fetched ?? cached?.keys ?? null;
    kept.set(domain, { keys, at: fetched || !keys ? now() : now() - maxKeysAgeMs + keysAgainAfterMs });
    return keys;
  };
  return async (access, token) => {
    if (token.length > maxToken) return { ok: false, why: "refused" };
    const first = await keysOf(access.teamDomain, kept.get(access.teamDomain)?.keys === null ? keysAgainAfterMs / 10 : maxKeysAgeMs);
    if (!first) return { ok: false, why: "unavailable" };
    let claims = await verifyToken(access, token, first, now());
    if (claims === "unknown-key") {
      const again = await keysOf(access.teamDomain, keysAgainAfterMs);
      claims = again && again !== first ? await verifyToken(access, token, again, now()) : "refused";
    }
    if (typeof claims === "string") return { ok: false, why: "refused" };
    return roleOf(access, claims);
  };
}

async function fetchKeys(http: Http, domain: string): Promise<JSONWebKeySet | null> {
  const reply = await http({ url: `https://${domain}/cdn-cgi/access/certs`, signal: AbortSignal.timeout(timeLimit), timeLimit, sizeLimit });
  const body = reply.ok && reply.value.status === 200 ? reply.value.json() : undefined;
  const { keys } = recordOf(body);
  return Array.isArray(keys) && keys.length > 0 ? (body as JSONWebKeySet) : null;
}

async function verifyToken({ teamDomain, audience }: Access, token: string, keys: JSONWebKeySet, now: number): Promise<JWTPayload | "unknown-key" | "refused"> {
  try {
    const { payload } = await jwtVerify(token, createLocalJWKSet(keys), {
      issuer: `https://${teamDomain}`,
      audience,
      algorithms: ["RS256", "ES256"],
      requiredClaims: ["exp"],
      clockTolerance: 5,
      currentDate: new Date(now),
    });
    return payload;
  } catch (thrown) {
    return thrown instanceof errors.JWKSNoMatchingKey ? "unknown-key" : "refused";
  }
}

function roleOf({ roles }: Access, claims: JWTPayload): AccessResult {
  const email = typeof claims["email"] === "string" ? claims["email"].toLowerCase() : undefined;
  if (email === undefined) return { ok: false, why: "no-role" };
  const groups = groupsOf(claims);
  const match = roles.find((each) => (each.email === undefined ? each.group !== undefined && groups.includes(each.group) : each.email.toLowerCase() === email));
  return match ? { ok: true, role: match, person: email } : { ok: false, why: "no-role" };
}

/** Access passes on the identity provider's groups where configured: at the top level or among custom claims. */
function groupsOf({ groups, custom }: JWTPayload): readonly unknown[] {
  const inner = recordOf(custom)["groups"];
  return [groups, inner].flatMap((each: unknown) => (Array.isArray(each) ? (each as unknown[]) : []));
}
