import type { Shop } from "../../../providers/shop/shop";
import { failed, type Reply } from "../../../queue/effect";
import { minuteMs } from "../../../time/day";

/** A call of this length delays the other jobs of its batch. */
const slowCallMs = 10_000;
/** Pause between two runs of a slow shop's job, in which other jobs run. */
export const slowPauseSeconds = 60;
/** How long a shop counts as slow after a slow call. */
export const slowForMs = 15 * minuteMs;

/** The speed of a run's calls. */
export interface Slowness {
  /** The shop was slow before, and this run has waited for it: it may use its full time. */
  readonly known: boolean;
  /** A call of this run was slow. */
  slow: boolean;
}

/**
 * The shop with measured calls. In a run that is not `known` to be slow, the call after a slow one is not made but fails as `limited`. The job waits
 * while others run, and its next run may use its full time.
 */
export function guardSlowness(shop: Shop, slowness: Slowness, now: () => number): Shop {
  const watch = async <T>(call: () => Promise<Reply<T>>): Promise<Reply<T>> => {
    if (slowness.slow && !slowness.known) return failed({ class: "limited", reason: slowReason, retryAfter: slowPauseSeconds, code: "slow" });
    const started = now();
    const reply = await call();
    slowness.slow ||= now() - started >= slowCallMs;
    return reply;
  };
  return {
    test: (signal) => watch(() => shop.test(signal)),
    permissions: (resources, signal) => watch(() => shop.permissions(resources, signal)),
    settings: (signal) => watch(() => shop.settings(signal)),
    page: (resource, request) => watch(() => shop.page(resource, request)),
    find: (resource, by, signal) => watch(() => shop.find(resource, by, signal)),
    listed: (resource, by, signal) => watch(() => shop.listed(resource, by, signal)),
    ids: (resource, request) => watch(() => shop.ids(resource, request)),
    get pageSizes() {
      return shop.pageSizes;
    },
    resume: (known) => shop.resume(known),
  };
}

export const slowReason = "the shop answers slowly: its jobs let others pass";
