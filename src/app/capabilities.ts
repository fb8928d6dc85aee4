import { analyticsIn } from "../domain/analytics/events";
import { templatesIn } from "../domain/mail/store";
import { shopDataIn } from "../domain/shop/data";
import type { WorkerEnv } from "../env";
import { createHttp } from "../providers/http";
import { resend } from "../providers/mail/resend";
import { prestashop } from "../providers/shop/prestashop";
import { failed, ok } from "../queue/effect";
import type { CapabilityScope, Engine, Missing } from "../queue/engine";
import type { Capabilities, Need } from "../queue/job";
import type { Stores } from "./stores";

type Makers = { [Name in Need]: (scope: CapabilityScope) => Promise<Capabilities[Name] | Missing> };

/** What jobs may need, made for one run of one tenant. A tenant that lacks the connection gets the reason instead. */
export function createCapabilities(env: WorkerEnv, stores: Stores, now: () => number): Engine["capabilities"] {
  const makers: Makers = {
    mail: (scope) => mailFor(stores, now, scope),
    templates: () => Promise.resolve(templatesIn(env.DB)),
    shops: (scope) => Promise.resolve(shopsFor(stores, now, scope)),
    shopData: () => Promise.resolve(shopDataIn(env.DB)),
    analytics: () => Promise.resolve(analyticsIn(env.DB, env.ANALYTICS)),
  };
  return async (names, scope) => {
    const made: Record<string, unknown> = {};
    for (const name of names) {
      const capability = await makers[name](scope);
      if ("missing" in capability) return capability;
      made[name] = capability;
    }
    return made as Partial<Capabilities>;
  };
}

async function mailFor(stores: Stores, now: () => number, { tenant, onCall }: CapabilityScope): Promise<Capabilities["mail"] | Missing> {
  if (tenant === null) return { missing: "mail is a tenant's own" };
  const opened = await stores.connections.open(tenant, "mail");
  if (!opened.ok) return { missing: `the connection "mail" is ${opened.reason}: ${opened.detail}` };
  const { baseUrl, apiKey, from, replyTo } = opened.value;
  const known = await stores.snapshots.read(tenant, now());
  const fallback = known.state === "known" ? known.snapshot.settings.mail?.from : undefined;
  const http = createHttp({ rules: stores.rules, onCall: (call) => onCall("mail", call) });
  return resend({ http, apiKey, baseUrl, from: from ?? fallback, replyTo, now });
}

function shopsFor(stores: Stores, now: () => number, { tenant, onCall }: CapabilityScope): Capabilities["shops"] | Missing {
  if (tenant === null) return { missing: "a shop is a tenant's own" };
  return {
    open: async (siteId) => {
      const opened = await stores.sites.open(tenant, siteId);
      if (!opened.ok) return failed({ class: "config", code: "site", reason: opened.detail });
      const http = createHttp({ rules: stores.rules, onCall: (call) => onCall(`shop:${siteId}`, call) });
      return ok(prestashop({ http, url: opened.value.url, key: opened.value.key, now }));
    },
  };
}
