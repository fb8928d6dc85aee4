import type { Shop } from "../../../providers/shop/shop";
import { failed, type Reply } from "../../../queue/effect";

/** A call that takes this long holds up the other jobs of its batch. Milliseconds. */
const slowCall = 10_000;
/** A slow shop's jobs let the others pass for this long between two stretches of work. Seconds. */
export const slowPause = 60;
/** How long a shop counts as slow after it was. Milliseconds. */
export const slowFor = 15 * 60_000;

/** How a run's calls went. */
export interface Slowness {
  /** The shop was slow before and this run has waited because of it: it may use its full time. */
  readonly known: boolean;
  /** A call of this run was slow. */
  slow: boolean;
}

/**
 * The shop, with an eye on how long it takes. In a run that did not expect it, the call after a slow one is not made: it fails as
 * `limited`, so the job waits while others pass, and its next run takes the time it needs.
 */
export function guardSlowness(shop: Shop, slowness: Slowness, now: () => number): Shop {
  const watch = async <T>(call: () => Promise<Reply<T>>): Promise<Reply<T>> => {
    if (slowness.slow && !slowness.known) return failed({ class: "limited", reason: slowReason, retryAfter: slowPause, code: "slow" });
    const started = now();
    const reply = await call();
    slowness.slow ||= now() - started >= slowCall;
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
