import { holdOf, paceReasons } from "../../domain/campaigns/pace";
import { type Campaign, openPagesOf } from "../../domain/campaigns/model";
import type { PagePlace } from "../../domain/campaigns/objects";
import type { Run } from "../../queue/job";
import { discard, done, wait } from "../../queue/outcome";
import { campaignPage } from "../campaign-page/job";
import type { campaign } from "./job";
import { minuteMs } from "../../time/day";

type Context = Parameters<typeof runCampaign>[1];

export const runCampaign: Run<typeof campaign> = async ({ campaign: id }, context) => {
  const { campaigns: work, now } = context;
  const running = await work.get(id);
  if (!running) return discard("there is no such campaign");
  if (running.state === "cancelled" || running.state === "done") return done({ pages: running.next.page });
  const hold = holdOf(running, now());
  if (hold) return wait(hold.reason, { until: hold.until });
  const { open, planned } = await work.openPages(id);
  await enqueuePages(running, planned, context);
  const next = await cutPages(running, openPagesOf(running.ratePerMinute) - open, context);
  const isOver = next.offset >= running.bytes && next.page === running.next.page && open === 0;
  if (!isOver) return wait(paceReasons.pages, { until: nextLook(running, now()) });
  await context.checkpoint(next, [work.end(id)]);
  return done({ pages: next.page });
};

// Cuts the next pages, as many as may be open. They are recorded before they are enqueued, so that the next run enqueues those of a run that ended in
// between.
async function cutPages(found: Campaign, room: number, context: Context): Promise<Campaign["next"]> {
  const { campaigns: work } = context;
  let { next } = found;
  for (let left = room; left > 0 && next.offset < found.bytes;) {
    const pages = await work.pages(found, next, left);
    const last = pages.at(-1);
    if (!last) throw new Error("a page is longer than what is read at once");
    next = { offset: last.offset + last.length, page: last.page + 1 };
    await context.checkpoint(next, work.plan(found.id, pages, next));
    await enqueuePages(found, pages, context);
    await context.progress(next.offset, found.bytes, "bytes of the list are enqueued");
    left -= pages.length;
  }
  return next;
}

// Keys derive from the page's number, so a repeated step enqueues no page twice.
async function enqueuePages({ id }: Campaign, pages: readonly PagePlace[], { campaigns, enqueue }: Context): Promise<void> {
  if (pages.length === 0) return;
  const jobs = await Promise.all(
    pages.map(async (place) => ({ page: place.page, job: await enqueue(campaignPage, { campaign: id, ...place }, { key: `page-${place.page}` }) })),
  );
  await campaigns.enqueued(id, jobs);
}

// Pages wake the job. This is for a page whose Worker crashed before that, and for pages that ended as dead letters.
function nextLook({ started }: Campaign, now: number): number {
  return now + Math.min(minuteMs, Math.max(5000, (now - (started ?? now)) / 50));
}
