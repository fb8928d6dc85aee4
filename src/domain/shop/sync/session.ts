import type { ShopResource } from "../../../providers/shop/row-types";
import type { PageSizes, Shop, Shops, ShopSettings } from "../../../providers/shop/shop";
import { type Failure, outcomeOf } from "../../../queue/effect";
import type { RunContext } from "../../../queue/job";
import { again, discard, isOutcome, type Outcome, wait } from "../../../queue/outcome";
import type { SiteScope, TenantScope } from "../scope";
import { keepSettings, pause, resume, type SiteState, siteState, type SyncKind, takeProbe, recordSlowCall, clearFailure, recordFailure } from "../site/store";
import { noNotes, noteReads, type Notes } from "./notes";
import { guardSlowness, slowForMs, type Slowness, slowPauseSeconds, slowReason } from "./slow-shop";
import { allowedWrites, noteWrites, refusalWrites } from "./unreadable";
import { hourMs, minuteMs } from "../../../time/day";

export type SyncContext = RunContext & { shops: Shops; scope: TenantScope };

/** A shop that is open for one run. */
export interface SyncSession extends SyncContext {
  scope: SiteScope;
  shop: Shop;
  state: SiteState | null;
  settings: ShopSettings;
  slowness: Slowness;
  notes: Notes;
}

/** Settings and lists of a shop are read again after this time. */
const maxSettingsAgeMs = 12 * hourMs;

/** Opens the shop for this run, or returns the outcome of the run: the site does not exist, or is paused. Reads the shop's settings when they are old. */
export async function openSyncSession(context: SyncContext, siteId: string, pageSizes?: PageSizes): Promise<SyncSession | Outcome> {
  const { now, signal } = context;
  const scope = { ...context.scope, site: siteId };
  const state = await siteState(scope);
  const held = state?.paused ? await heldBack(scope, state.paused, now()) : undefined;
  if (held) return held;
  const opened = await context.shops.open(siteId);
  const slowness = { known: now() - (state?.slowAt ?? 0) < slowForMs, slow: false };
  if (!opened.ok) return outcomeOfFailure({ scope, slowness, now }, opened.failure);
  const notes = noNotes(now());
  const shop = noteReads(guardSlowness(opened.value, slowness, now), notes, now);
  const current = state?.settings && now() - (state.settingsAt ?? 0) < maxSettingsAgeMs ? state.settings : undefined;
  shop.resume({ settings: current, pageSizes: pageSizes ?? state?.pageSizes ?? undefined });
  const session = { ...context, scope, shop, state, slowness, notes };
  if (current) return { ...session, settings: current };
  const settings = await shop.settings(signal);
  if (!settings.ok) return outcomeOfFailure(session, settings.failure);
  await keepSettings(scope, settings.value, now());
  return { ...session, settings: settings.value };
}

export function isSession(value: SyncSession | Outcome): value is SyncSession {
  return !isOutcome(value);
}

/**
 * The outcome of a run after a failed call. A fault that the operator or merchant must correct pauses the site. Its jobs wait without an attempt, one
 * of them tries again each hour, and setting or testing the site wakes all.
 */
export async function outcomeOfFailure({ scope, slowness, now }: Pick<SyncSession, "scope" | "slowness" | "now">, failure: Failure): Promise<Outcome> {
  if (slowness.slow) await recordSlowCall(scope, now());
  if (failure.code === "site") return discard(failure.reason);
  // Waiting at a gate is no failure of the shop.
  if (failure.code !== "slow") await recordFailure(scope, failure.reason, now());
  if (failure.class !== "config") return outcomeOf(failure, now());
  const until = await pause(scope, failure.reason, now());
  return wait(`the site is paused: ${failure.reason}`, { until, providerMessage: failure.providerMessage });
}

/** After a successful call: ends a pause and clears the last error. */
export async function markHealthy({ scope, state }: SyncSession): Promise<void> {
  if (state?.lastError) {
    state.lastError = null;
    await clearFailure(scope);
  }
  if (!state?.paused) return;
  state.paused = null;
  await resume(scope);
}

/** Statements that store what the run recorded since the last checkpoint; they commit with its rows. */
export function takeNotes({ scope, state, notes, now }: SyncSession): unknown[] {
  const stored = state?.refused ?? new Map<ShopResource, string>();
  const refused = [...notes.refused].filter(([resource]) => !stored.has(resource));
  const allowed = [...notes.allowed].filter((resource) => stored.has(resource));
  const mayForget = state?.hasUnreadable ?? false;
  const reads = notes.reads.splice(0).map((read) => (mayForget ? read : { ...read, sound: [] }));
  if (state) state.hasUnreadable ||= reads.some(({ flawed }) => flawed.length > 0);
  for (const [resource, reason] of refused) stored.set(resource, reason);
  for (const resource of allowed) stored.delete(resource);
  return [
    ...reads.flatMap((read) => noteWrites(scope, read, now())),
    ...refused.map(([resource, reason]) => refusalWrites(scope, resource, reason, notes.began)),
    ...allowed.map((resource) => allowedWrites(scope, resource)),
  ];
}

/** Whether the lists that a sync needs (states, suppliers, …) must be read again. */
export function listsAreOld({ state, now }: SyncSession, kind: SyncKind): boolean {
  return now() - (state?.[kind].listsAt ?? 0) >= maxSettingsAgeMs;
}

/** The outcome of a run that must yield after a page: its time is used up, or the shop is slow. Undefined: it continues. The cursor is saved. */
export async function yieldIfNeeded({ scope, slowness, now, shouldYield }: SyncSession, cursor: unknown): Promise<Outcome | undefined> {
  if (!slowness.slow) return shouldYield() ? again(cursor) : undefined;
  await recordSlowCall(scope, now());
  return wait(slowReason, { until: now() + slowPauseSeconds * 1000 });
}

async function heldBack(scope: SiteScope, paused: NonNullable<SiteState["paused"]>, now: number): Promise<Outcome | undefined> {
  if (now >= paused.probeAt && (await takeProbe(scope, now))) return undefined;
  return wait(`the site is paused: ${paused.reason}`, { until: Math.max(paused.probeAt, now + minuteMs) });
}
