/** USD for a million of each billed unit, beyond the plan's included units. */
interface Prices {
  request: number;
  cpuMillisecond: number;
  /** One message of up to 64 KB written, read or deleted. */
  queueOperation: number;
  rowRead: number;
  rowWritten: number;
  kvRead: number;
  /** Writes, deletions and lists. */
  kvWrite: number;
  objectRequest: number;
  /** Gigabyte-seconds of an active Durable Object, which is billed as 128 MB. */
  objectGbSecond: number;
  analyticsPoint: number;
  /** Writes and lists in R2. */
  storeWrite: number;
  storeRead: number;
}

/** When a person last compared the table with its sources. */
export const pricesAsOf = "2026-11-26";

/** The source of each price. */
export const priceSources: Readonly<Record<keyof Prices, string>> = {
  request: "https://developers.cloudflare.com/workers/platform/pricing/",
  cpuMillisecond: "https://developers.cloudflare.com/workers/platform/pricing/",
  queueOperation: "https://developers.cloudflare.com/queues/platform/pricing/",
  rowRead: "https://developers.cloudflare.com/d1/platform/pricing/",
  rowWritten: "https://developers.cloudflare.com/d1/platform/pricing/",
  kvRead: "https://developers.cloudflare.com/kv/platform/pricing/",
  kvWrite: "https://developers.cloudflare.com/kv/platform/pricing/",
  objectRequest: "https://developers.cloudflare.com/durable-objects/platform/pricing/",
  objectGbSecond: "https://developers.cloudflare.com/durable-objects/platform/pricing/",
  analyticsPoint: "https://developers.cloudflare.com/analytics/analytics-engine/pricing/",
  storeWrite: "https://developers.cloudflare.com/r2/pricing/",
  storeRead: "https://developers.cloudflare.com/r2/pricing/",
};

/** Workers Paid. */
export const prices: Readonly<Prices> = {
  request: 0.3,
  cpuMillisecond: 0.02,
  queueOperation: 0.4,
  rowRead: 0.001,
  rowWritten: 1,
  kvRead: 0.5,
  kvWrite: 5,
  objectRequest: 0.15,
  objectGbSecond: 12.5,
  analyticsPoint: 0.25,
  storeWrite: 4.5,
  storeRead: 0.36,
};

/** Billed units; an omitted one is 0. */
export type Units = Partial<Prices>;

/** USD of these units. */
export function usdOfUnits(units: Units): number {
  const names = Object.keys(units) as (keyof Prices)[];
  return names.reduce((sum, name) => sum + ((units[name] ?? 0) * prices[name]) / 1_000_000, 0);
}
