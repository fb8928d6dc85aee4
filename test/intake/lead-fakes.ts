import { env } from "cloudflare:workers";
import { showBlocked } from "../../src/domain/leads/blocked";
import { partsOf, removeParts, submissionsNaming } from "../../src/domain/leads/erase";
import { keysOf } from "../../src/domain/erasure/person";
import { removeReleased } from "../../src/domain/leads/release";
import type { LeadDeps } from "../../src/intake/leads/deps";
import type { Ids } from "../../src/queue/id";
import { isApiKey, projectSecret } from "../../src/tenants/project";
import type { Vault } from "../../src/tenants/vault";

/** Leads on the test's own D1; the captcha passes, and nobody posts too often. */
export function leadsOn(vault: Vault, ids: Ids, now: () => number): LeadDeps {
  return {
    local: false,
    isApiKey,
    secret: (tenant, name, kind, project) => projectSecret(vault, tenant, name, kind, project),
    hookSecret: async () => undefined,
    turnstile: async () => ({ result: "passed" }),
    mayPost: async () => true,
    mayPostTo: async () => true,
    newId: (tenant) => ids.make(tenant, now()),
    idOfKey: (tenant, key) => ids.derive(tenant, ["lead", key]),
    showBlocked: (tenant, post) => showBlocked(env.DB, tenant, post, now()),
    removeReleased: (tenant, lead, submissions) => removeReleased(env.DB, tenant, lead, submissions),
    erase: async (tenant, person) => {
      const keys = keysOf(person);
      const parts = partsOf(await submissionsNaming(env.DB, tenant, keys, []), new Set(keys));
      return {
        ...(await removeParts(env.DB, tenant, parts)),
        facts: 0,
        jobs: 0,
        payloads: 0,
        media: 0,
        altTexts: 0,
        mail: 0,
        running: 0,
        complete: true,
        cursor: null,
      };
    },
    planErasure: async () => ({ plan: true, counts: { leads: 0, submissions: 0, jobs: 0 }, leads: [], more: false, keys: [], notFollowed: [] }),
    defer: (promise) => void promise,
  };
}
