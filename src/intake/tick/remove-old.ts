import { forgetRecipients } from "../../domain/campaigns/forget";
import type { CampaignObjects } from "../../domain/campaigns/objects";
import { removeOldEventRows } from "../../domain/events/retention";
import { removeOldGroups } from "../../domain/failures/store";
import { removeOldBots } from "../../domain/leads/erase";
import type { SentStore } from "../../domain/mail-events/sent";
import type { MailEventStore } from "../../domain/mail-events/store";
import type { createPayloads } from "../../ledger/payloads";
import { defaultRetention, retain, type RetentionDays } from "../../ledger/retention";
import { minRetentionDays } from "../../time/day";
import { rotationMark } from "../../ledger/watermarks";
import type { TenantSettings, TenantStore } from "../../tenants/tenant";

interface RetentionStepDeps {
  db: D1Database;
  payloads: ReturnType<typeof createPayloads>;
  tenants: Pick<TenantStore, "settingsOf">;
  campaigns: CampaignObjects;
  sent: SentStore;
  mailEvents: MailEventStore;
}

/** The tick's step: removes rows that are older than their tenant's retention, in the ledger and elsewhere. */
export function removeOld({ db, payloads, tenants, ...deps }: RetentionStepDeps): (now: number) => Promise<Record<string, number>> {
  const ledger = {
    db,
    daysOf: async (names: readonly string[]) => new Map([...(await tenants.settingsOf(names))].map(([tenant, own]) => [tenant, daysFrom(own)])),
    removePayloads: (keys: readonly string[]) => payloads.remove(keys),
  };
  return async (now) => ({ ...(await removeOther(db, deps, now)), ...(await retain(ledger, now)) });
}

/** Removes rows outside the ledger. */
async function removeOther(
  db: D1Database,
  { campaigns: objects, sent, mailEvents }: Pick<RetentionStepDeps, "campaigns" | "sent" | "mailEvents">,
  now: number,
): Promise<Record<string, number>> {
  const campaigns = await forgetRecipients({ db, objects, countsOf: mailEvents.countsOf }, now);
  const mails = (await sent.forgetOld(now)) + (await mailEvents.forgetOld(now));
  const failures = await removeOldGroups(db, now);
  return {
    mails,
    campaigns,
    failures,
    bots: await removeOldBots(db, now),
    facts: await removeOldEventRows(db, (walk) => rotationMark(db, `retention-${walk}`), now),
  };
}

function daysFrom({ retention }: TenantSettings): RetentionDays {
  const days = { ...defaultRetention, ...retention };
  return Object.fromEntries(Object.entries(days).map(([what, count]) => [what, Math.max(minRetentionDays, count)])) as RetentionDays;
}
