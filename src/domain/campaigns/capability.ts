import { bareAddress } from "../mail/mailbox";
import type { HashAddress } from "../suppressions/model";
import type { GateReport } from "../../queue/ports/gates";
import { type Campaign, type ClaimedRecipient, type LeftOut, openPagesOf, type PageCounts, pageSizeOf } from "./model";
import type { CampaignObjects, PageBody, PagePlace } from "./objects";
import { campaignOf, type OpenPages, pagesUnderWay } from "./queries";
import { beginPage, claimRecipients, endCampaign, endPage, planPages, reserveSlot, setPageJobs } from "./store";

/** The permission to call the mail provider once. */
export type MailSlot = { granted: true; leave(calls: GateReport): Promise<void> } | { granted: false; reason: string; until: number; park: boolean };

/** One tenant's campaigns, as the runs of a campaign read and write them. Throws when D1 or R2 cannot be reached. */
export type CampaignWork = ReturnType<typeof createCampaignWork>;

declare module "../../queue/job" {
  interface Capabilities {
    campaigns: CampaignWork;
  }
}

export interface CampaignDeps {
  db: D1Database;
  objects: CampaignObjects;
  hash: HashAddress;
  mailSlot(tenant: string, key: string): Promise<MailSlot>;
  /** Wakes waiting jobs. */
  resume(tenant: string, jobs: readonly string[]): Promise<void>;
  now(): number;
}

/** One page in this many wakes the campaign. */
const wakeEvery = 5;

export function createCampaignWork(deps: CampaignDeps, tenant: string) {
  const { db, objects, now } = deps;
  const scope = (id: string) => ({ db, tenant, id });
  return {
    get: (id: string): Promise<Campaign | null> => campaignOf(scope(id)),
    /** The next pages from a place on, at most `max`. */
    pages: ({ list, bytes, ratePerMinute }: Campaign, from: { offset: number; page: number }, max: number): Promise<PagePlace[]> =>
      objects.pages(listOf(list), from, bytes, pageSizeOf(ratePerMinute), max),
    openPages: (id: string): Promise<OpenPages> => pagesUnderWay(scope(id)),
    /** Statements for a checkpoint: record the next pages, and where those after them begin. */
    plan: (id: string, pages: readonly PagePlace[], next: { offset: number; page: number }): D1PreparedStatement[] => planPages(scope(id), pages, next),
    enqueued: (id: string, pages: readonly { page: number; job: string }[]): Promise<void> => setPageJobs(scope(id), pages),
    /** The statement for a checkpoint that ends the campaign. */
    end: (id: string): D1PreparedStatement => endCampaign(scope(id), now()),
    /** Begins a page's run. `isOpen`: the page has not ended. */
    begin: (id: string, page: number, job: string): Promise<{ campaign: Campaign; isOpen: boolean } | null> => beginPage(scope(id), page, job),
    /** The time from which the page may be sent by the campaign's rate. Milliseconds. */
    reserve: async ({ id, ratePerMinute }: Campaign, { page, count }: { page: number; count: number }): Promise<number> =>
      ratePerMinute === null ? now() : reserveSlot(scope(id), page, count, ratePerMinute, now()),
    /** The page's recipients without those whose mailbox an earlier row has, and the number of rows. */
    claim: (campaign: Campaign, place: PagePlace): Promise<{ recipients: ClaimedRecipient[]; rows: number }> => claim(deps, tenant, campaign, place),
    body: (id: string, page: number, part: number): Promise<PageBody | null> => objects.body(tenant, id, page, part),
    putBody: (id: string, page: number, part: number, body: PageBody): Promise<void> => objects.putBody(tenant, id, page, part, body),
    removeBody: (id: string, page: number, part: number): Promise<void> => objects.removeBody(tenant, id, page, part),
    removeBodies: (id: string, page: number, count: number): Promise<void> => objects.removeBodies(tenant, id, page, count),
    /** Statements for a checkpoint that end the page. */
    endPage: (id: string, page: number, counts: PageCounts, left: readonly LeftOut[]): D1PreparedStatement[] => endPage(scope(id), page, counts, left),
    /** After the end of a page: wakes the campaign to enqueue its next pages, once half of them are sent. */
    async wake({ id, job, ratePerMinute, next, bytes }: Pick<Campaign, "id" | "job" | "ratePerMinute" | "next" | "bytes">, page: number): Promise<void> {
      // While the list has further pages, only some pages wake the campaign; it also wakes by itself.
      if (job === null || (next.offset < bytes && page % wakeEvery !== 0)) return;
      const { open } = await pagesUnderWay(scope(id));
      const isLow = open <= openPagesOf(ratePerMinute) / 2 && page % wakeEvery === 0;
      if (open === 0 || isLow) await deps.resume(tenant, [job]);
    },
    /** Enters the tenant's gate for mail; a repeated request has the same `key`. */
    mailSlot: (key: string): Promise<MailSlot> => deps.mailSlot(tenant, key),
  };
}

async function claim({ db, objects, hash }: CampaignDeps, tenant: string, campaign: Campaign, place: PagePlace) {
  const rows = await objects.recipients(listOf(campaign.list), place);
  // Rows without a comparable address are rejected when the list is read. In a list from before that, each such row counts as one mailbox.
  const hashed = await Promise.all(rows.map(async (row) => ({ ...row, hash: (await hash(tenant, bareAddress(row.to))) ?? `line ${row.line}` })));
  const own = await claimRecipients({ db, tenant, id: campaign.id }, place.page, hashed);
  return { recipients: hashed.filter((row) => own.get(row.hash) === row.line), rows: rows.length };
}

function listOf(list: string | null): string {
  if (list === null) throw new Error("the list of recipients was forgotten");
  return list;
}
