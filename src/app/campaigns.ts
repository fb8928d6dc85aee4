import type { CampaignDeps } from "../domain/campaigns/capability";
import { createCampaignObjects } from "../domain/campaigns/objects";
import { createCampaignOperations } from "../domain/campaigns/operate";
import { mailSlotAt } from "../domain/campaigns/mail-slot";
import type { WorkerEnv } from "../env";
import type { CampaignIntake } from "../intake/deps";
import { campaign } from "../jobs/campaign/job";
import type { Engine } from "../queue/engine";
import { retryNow } from "../queue/operate";
import { unavailable } from "../queue/accept/receipts";
import type { Enqueue } from "../queue/request";
import type { TenantGates } from "../tenants/gates";
import type { MailStores } from "./mail-stores";
import type { Stores } from "./stores";

interface AppCampaignDeps {
  env: WorkerEnv;
  /** Small statements of jobs that run side by side go together. */
  db: D1Database;
  stores: Pick<Stores, "hashAddress">;
  gates: TenantGates;
  /** Jobs that wait go on at once. */
  resume: CampaignDeps["resume"];
  now(): number;
}

export function createCampaignDeps({ env, db, stores, gates, resume, now }: AppCampaignDeps): CampaignDeps {
  return {
    db,
    objects: createCampaignObjects(env.PAYLOADS),
    hash: stores.hashAddress,
    mailSlot: (tenant, key) => mailSlotAt(gates, tenant, key, now()),
    resume,
    now,
  };
}

/** Jobs of a campaign that wait go on at once. */
export function resumedBy(engine: () => Engine): CampaignDeps["resume"] {
  return async (tenant, jobs) => {
    const refs = jobs.map((id) => ({ tenant, id }));
    await retryNow(engine(), refs, { event: "resumed", from: ["waiting"] });
  };
}

interface CampaignIntakeDeps {
  deps: CampaignDeps;
  enqueue: Enqueue;
  stores: Pick<Stores, "templates" | "tenants">;
  events: Pick<MailStores["events"], "countsOf">;
}

export function createCampaignIntake({ deps, enqueue, stores, events }: CampaignIntakeDeps): CampaignIntake {
  const operations = createCampaignOperations({
    ...deps,
    templates: stores.templates,
    zoneOf: async (tenant) => (await stores.tenants.get(tenant))?.timezone ?? "UTC",
    async enqueueRun(tenant, id) {
      const [receipt = unavailable()] = await enqueue([{ tenant, type: campaign.type, payload: { campaign: id }, own: ["campaign", id], internal: true }]);
      return receipt;
    },
  });
  return {
    ...operations,
    events: (tenant, id) => events.countsOf(tenant, id),
  };
}
