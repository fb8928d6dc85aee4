import type { ShopResource } from "../../../providers/shop/rows";
import type { PageSizes, Shop, Shops, ShopSettings } from "../../../providers/shop/shop";
import { type Failure, outcomeOf } from "../../../queue/effect";
import type { RunContext } from "../../../queue/job";
import { again, discard, isOutcome, type Outcome, wait } from "../../../queue/outcome";
import type { ShopData, SiteData } from "../data";
import { noNotes, noted, type Notes } from "./noted";
import { type Patience, slowFor, slowPause, slowReason, watched } from "./slow-shop";
import type { SiteState, SyncKind } from "../site/store";

export type VisitContext = RunContext & { shops: Shops; shopData: ShopData };

/** A shop that may be called, for one run. */
export interface Visit {
  siteId: string;
  shop: Shop;
  data: SiteData;
  state: SiteState | null;
  settings: ShopSettings;
  patience: Patience;
  notes: Notes;
}

/** Settings and lists of a shop are believed this long. Milliseconds. */
const believed = 12 * 3600_000;

/** Opens the shop for this run, or says why the run ends: the site is not there, or it is paused. Reads the shop's settings when they are old. */
export async function visit(context: VisitContext, siteId: string, pageSizes?: PageSizes): Promise<Visit | Outcome> {
  const data = context.shopData.site(context.tenant, siteId);
  const state = await data.state();
  const held = state?.paused ? await heldBack(data, state.paused, context.now()) : undefined;
  if (held) return held;
  const opened = await context.shops.open(siteId);
  const patience = { known: context.now() - (state?.slowAt ?? 0) < slowFor, slow: false };
  if (!opened.ok) return failedVisit(context, { data, patience }, opened.failure);
  const notes = noNotes(context.now());
  const shop = noted(watched(opened.value, patience, context.now), notes, context.now);
  const known = state?.settings && context.now() - (state.settingsAt ?? 0) < believed ? state.settings : undefined;
  shop.resume({ settings: known, pageSizes: pageSizes ?? state?.pageSizes ?? undefined });
  if (known) return { siteId, shop, data, state, settings: known, patience, notes };
  const settings = await shop.settings(context.signal);
  if (!settings.ok) return failedVisit(context, { data, patience }, settings.failure);
  await data.keepSettings(settings.value, context.now());
  return { siteId, shop, data, state, settings: settings.value, patience, notes };
}

export function isVisit(value: Visit | Outcome): value is Visit {
  return !isOutcome(value);
}

/**
 * How a run ends whose call failed. What the operator or merchant must mend pauses the site with the reason; its jobs wait and burn
 * no attempt, one of them looks again each hour, and putting or testing the site brings them all back at once.
 */
export async function failedVisit(context: VisitContext, { data, patience }: Pick<Visit, "data" | "patience">, failure: Failure): Promise<Outcome> {
  if (patience.slow) await data.wasSlow(context.now());
  if (failure.code === "site") return discard(failure.reason);
  // To wait for its turn is no fault of the shop's.
  if (failure.code !== "slow") await data.wentWrong(failure.reason, context.now());
  if (failure.class !== "config") return outcomeOf(failure, context.now());
  const until = await data.pause(failure.reason, context.now());
  return wait(`the site is paused: ${failure.reason}`, { until, providerMessage: failure.providerMessage });
}

/** After a call that succeeded: a paused site is mended, and the last error over. */
export async function mended({ data, state }: Visit): Promise<void> {
  if (state?.lastError) {
    state.lastError = null;
    await data.wentWell();
  }
  if (!state?.paused) return;
  state.paused = null;
  await data.resume();
}

/** Statements that keep what the run noted since the last checkpoint, to commit with what it read. */
export function takeNotes({ data, state, notes }: Pick<Visit, "data" | "state" | "notes">, now: number): unknown[] {
  const known = state?.refused ?? new Map<ShopResource, string>();
  const refused = [...notes.refused].filter(([resource]) => !known.has(resource));
  const allowed = [...notes.allowed].filter((resource) => known.has(resource));
  const mayForget = state?.hasUnreadable ?? false;
  const reads = notes.reads.splice(0).map((read) => (mayForget ? read : { ...read, sound: [] }));
  if (state) state.hasUnreadable ||= reads.some(({ flawed }) => flawed.length > 0);
  for (const [resource, reason] of refused) known.set(resource, reason);
  for (const resource of allowed) known.delete(resource);
  return [
    ...reads.flatMap((read) => data.noteWrites(read, now)),
    ...refused.map(([resource, reason]) => data.refusalWrites(resource, reason, notes.began)),
    ...allowed.map((resource) => data.allowedWrites(resource)),
  ];
}

/** Whether the lists that a sync needs (states, suppliers, …) should be read whole again. */
export function listsAreOld({ state }: Visit, kind: SyncKind, now: number): boolean {
  return now - (state?.[kind].listsAt ?? 0) >= believed;
}

/** How a run ends that should make room after a page: its time is used up, or the shop is slow. Undefined: it goes on. The cursor is saved. */
export async function makesRoom(context: RunContext, { data, patience }: Visit, cursor: unknown): Promise<Outcome | undefined> {
  if (!patience.slow) return context.shouldYield() ? again(cursor) : undefined;
  await data.wasSlow(context.now());
  return wait(slowReason, { until: context.now() + slowPause * 1000 });
}

async function heldBack(data: SiteData, paused: NonNullable<SiteState["paused"]>, now: number): Promise<Outcome | undefined> {
  if (now >= paused.probeAt && (await data.takeProbe(now))) return undefined;
  return wait(`the site is paused: ${paused.reason}`, { until: Math.max(paused.probeAt, now + 60_000) });
}
