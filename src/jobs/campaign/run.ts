import { holdOf } from "../../domain/campaigns/hold";
import { type Campaign, openPagesOf } from "../../domain/campaigns/model";
import type { Run } from "../../queue/job";
import { discard, done, wait } from "../../queue/outcome";
import { campaignPage } from "../campaign-page/job";
import type { campaign } from "./job";

interface Cursor {
  /** Bytes of the list that are enqueued. */
  offset: number;
  /** Number of the next page. */
  page: number;
}

type Context = Parameters<typeof runCampaign>[1];

export const runCampaign: Run<typeof campaign> = async ({ campaign: id }, context) => {
  const { campaigns: work, now } = context;
  const cursor = (context.cursor as Cursor | undefined) ?? { offset: 0, page: 0 };
  const found = await work.get(id);
  if (!found) return discard("there is no such campaign");
  if (found.state === "cancelled" || found.state === "done") return done({ pages: cursor.page });
  const hold = holdOf(found, now());
  if (hold) return wait(hold.reason, { until: hold.until });
  const { open } = await work.openPages(id);
  const next = await enqueuePages(found, cursor, openPagesOf(found.ratePerMinute) - open, context);
  const isOver = next.offset >= found.bytes && next.page === cursor.page && open === 0;
  if (!isOver) return wait("its pages are being sent", { until: nextLook(found, now()) });
  await context.checkpoint(next, [work.end(id)]);
  return done({ pages: next.page });
};

// The next pages, as many as there is room for. Their keys follow from the place in the list: a step that is repeated enqueues none twice.
async function enqueuePages(found: Campaign, from: Cursor, room: number, context: Context): Promise<Cursor> {
  let cursor = from;
  for (let left = room; left > 0 && cursor.offset < found.bytes;) {
    const pages = await context.campaigns.pages(found, cursor, left);
    const jobs = await Promise.all(pages.map((place) => context.enqueue(campaignPage, { campaign: found.id, ...place }, { key: `page-${place.page}` })));
    const last = pages.at(-1);
    if (!last) throw new Error("a page is longer than what is read at once");
    cursor = { offset: last.offset + last.length, page: last.page + 1 };
    const rows = pages.map(({ page, count }, index) => ({ page, count, job: jobs[index] ?? "" }));
    await context.checkpoint(cursor, [context.campaigns.addPages(found.id, rows)]);
    await context.progress(cursor.offset, found.bytes, "bytes of the list are enqueued");
    left -= pages.length;
  }
  return cursor;
}

// Pages wake it; this is for a page whose Worker died before it did, and for pages that ended as dead letters.
function nextLook({ started }: Campaign, now: number): number {
  return now + Math.min(60_000, Math.max(5000, (now - (started ?? now)) / 50));
}
