import { waitUntil } from "cloudflare:workers";
import type { AddressRules } from "../address/address";
import { coalescing } from "../coalesce";
import { createDestinationStore } from "../domain/destinations/store";
import { createInboundSecretStore, eventSection } from "../domain/events/inbound-secret";
import { createTemplateCatalogue } from "../domain/mail/catalogue";
import { createInstallationStore } from "../domain/installation/store";
import { createScheduleStore } from "../domain/schedules/store";
import { createSubscriptionStore } from "../domain/subscriptions/store";
import { createHashAddress } from "../domain/suppressions/model";
import type { Unsubscription } from "../domain/suppressions/unsubscribe";
import { createUnsubscribeTokens } from "../domain/suppressions/unsubscribe-token";
import type { WorkerEnv } from "../env";
import { connectionSection, createConnectionStore } from "../tenants/connection";
import { derive, parseKeyRing } from "../tenants/keys";
import { createProjectStore, projectSection } from "../tenants/project";
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
  const snapshots = createSnapshots({ db: env.DB, kv: env.CONFIG, sections: [connectionSection, siteSection, projectSection, eventSection] });
  const changed = (tenant: string) => snapshots.changed(tenant);
  const rules: AddressRules = { allowLocal: isLocal(env), ownHosts: (env.OWN_HOSTS ?? "").split(",").filter((host) => host !== "") };
  const hashAddress = createHashAddress(derive(secretBytes(env.ID_SECRET), "signing", "address"));
  const unsubscribeTokens = createUnsubscribeTokens({
    encryption: derive(secretBytes(env.ID_SECRET), "encryption", "unsubscribe"),
    signing: derive(secretBytes(env.ID_SECRET), "signing", "unsubscribe"),
  });
  const publicUrl = publicUrlOf(env);
  const hooks = { db: env.DB, vault, rules, changed };
  return {
    rules,
    vault,
    snapshots,
    verifier: tokens,
    tenants: createTenantStore(env.DB, changed),
    tokens: createTokenStore(env.DB, tokens, changed),
    sites: createSiteStore(env.DB, vault, rules, changed),
    webhookSecret: async (tenant: string, site: string, webhook: SiteWebhook) => {
      const opened = await openWebhookSecret(vault, tenant, site, webhook);
      return opened.ok ? opened.text : undefined;
    },
    // Every delivery opens one.
    connections: createConnectionStore(coalescing(env.DB, waitUntil), vault, rules, changed),
    projects: createProjectStore(env.DB, vault, changed),
    templates: createTemplateCatalogue(env.DB),
    destinations: createDestinationStore(hooks),
    subscriptions: createSubscriptionStore(hooks),
    inboundSecrets: createInboundSecretStore(hooks),
    schedules: createScheduleStore(env.DB),
    installation: createInstallationStore(env.DB, vault),
    hashAddress,
    unsubscribeTokens,
    publicUrl,
    unsubscribeUrl: async (what: Unsubscription) => (publicUrl === undefined ? undefined : `${publicUrl}/u/${await unsubscribeTokens.make(what)}`),
  };
}

/** A developer's machine: `npm start` sets it. */
export function isLocal(env: WorkerEnv): boolean {
  return env.LOCAL === "yes";
}

/** Where this Worker is reached from outside: PUBLIC_URL, else the first of its own hosts; undefined when neither is set. */
function publicUrlOf(env: WorkerEnv): string | undefined {
  const [first = ""] = (env.OWN_HOSTS ?? "").split(",");
  const url = env.PUBLIC_URL || (first === "" ? "" : `https://${first}`);
  return url === "" ? undefined : url.replace(/(?<!\/)\/+$/, "");
}

function secretBytes(secret: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new TextEncoder().encode(secret));
}
