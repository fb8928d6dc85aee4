import type { AddressRules } from "../domain/address/address";
import { templatesIn } from "../domain/mail/store";
import { scheduleStore } from "../domain/schedules/store";
import type { WorkerEnv } from "../env";
import { connectionSection, createConnectionStore } from "../tenants/connection";
import { parseKeyRing } from "../tenants/keys";
import { createSiteStore, openWebhookSecret, siteSection, type SiteWebhook } from "../tenants/site";
import { createSnapshots } from "../tenants/snapshot";
import { createTenantStore } from "../tenants/tenant";
import { createTokens } from "../tenants/token";
import { createTokenStore } from "../tenants/token-store";
import { createVault } from "../tenants/vault";

export type Stores = ReturnType<typeof createStores>;

/** Tenants and what belongs to them. */
export function createStores(env: WorkerEnv) {
  const vault = createVault(parseKeyRing("ENCRYPTION_KEYS", env.ENCRYPTION_KEYS));
  const tokens = createTokens(parseKeyRing("SIGNING_KEYS", env.SIGNING_KEYS));
  const snapshots = createSnapshots({ db: env.DB, kv: env.CONFIG, sections: [connectionSection, siteSection] });
  const changed = (tenant: string) => snapshots.changed(tenant);
  const rules: AddressRules = { allowLocal: isLocal(env), ownHosts: (env.OWN_HOSTS ?? "").split(",").filter((host) => host !== "") };
  return {
    rules,
    snapshots,
    verifier: tokens,
    tenants: createTenantStore(env.DB, changed),
    tokens: createTokenStore(env.DB, tokens, changed),
    sites: createSiteStore(env.DB, vault, rules, changed),
    webhookSecret: async (tenant: string, site: string, webhook: SiteWebhook) => {
      const opened = await openWebhookSecret(vault, tenant, site, webhook);
      return opened.ok ? opened.text : undefined;
    },
    connections: createConnectionStore(env.DB, vault, rules, changed),
    templates: templatesIn(env.DB),
    schedules: scheduleStore(env.DB),
  };
}

/** A developer's machine, as `npm start` says. */
export function isLocal(env: WorkerEnv): boolean {
  return env.LOCAL === "yes";
}
