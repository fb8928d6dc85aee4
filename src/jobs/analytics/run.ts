import type { AnalyticsEvent } from "../../domain/analytics/capability";
import { ok } from "../../queue/effect";
import type { BatchItem, RunBatch } from "../../queue/job";
import { done } from "../../queue/outcome";
import type { analytics } from "./job";

type Item = BatchItem<typeof analytics>;

export const runAnalytics: RunBatch<typeof analytics> = async (items, capabilities) => {
  const real = items.filter(({ context }) => !context.dryRun);
  await capabilities.analytics.store(real.map(eventOf));
  // In a dry run the effect is recorded as "would do".
  await Promise.all(items.filter(({ context }) => context.dryRun).map(({ context }) => context.effect("store", async () => ok(true))));
  return items.map((item) => {
    if (item.context.dryRun) return done({ stored: false });
    // An invocation may write 250 points; a batch has at most 100 messages.
    return done({ stored: true }, { after: () => capabilities.analytics.point(eventOf(item)) });
  });
};

function eventOf({ payload, context }: Item): AnalyticsEvent {
  const at = payload.at === undefined ? context.at : Date.parse(payload.at);
  return { tenant: context.tenant, job: context.id, event: payload.event, at, value: payload.value, dimensions: payload.dimensions };
}
