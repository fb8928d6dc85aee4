import { Problem } from "../../../errors";
import type { ShopResource } from "../../../providers/shop/row-types";
import type { Reply } from "../../../queue/effect";
import type { Engine } from "../../../queue/engine";
import type { Entry, Gates, GateReport } from "../../../queue/ports/gates";
import type { Capabilities } from "../../../queue/job";
import { isSecondary } from "../sync/notes";
import { keepSettings, resume } from "./store";

/** The result of a connection test. */
export type ShopTest =
  | { ok: true; version: string | null; timezone: string; timeZone: string; warnings: string[] }
  /** `class`: `config` needs a change of settings; after `transient`, try again later. */
  | { ok: false; reason: string; class: string };

interface ShopTestDeps {
  db: D1Database;
  now(): number;
  engine: { gates: Pick<Gates, "enter" | "leave"> } & Pick<Engine, "capabilities">;
  /** Wakes the jobs that wait for a site. */
  wake(tenant: string, site: string): Promise<void>;
  /** The longest test, in milliseconds; `testLimitMs` by default. */
  limitMs?: number;
}

/** The longest test, which answers a request. */
const testLimitMs = 25_000;

/** How often, and at which interval (milliseconds), a test tries to enter the gate. */
const [tries, pauses] = [8, 500];
/** Sites that are tested without their gate, since its circuit is open. */
const withoutGate = new Set<string>();

/** All resources that a run reads. */
const needed: readonly ShopResource[] = [
  "orders",
  "order_states",
  "order_payments",
  "order_carriers",
  "carriers",
  "customers",
  "addresses",
  "countries",
  "currencies",
  "products",
  "combinations",
  "stock_availables",
  "manufacturers",
  "suppliers",
  "product_suppliers",
];

/**
 * Tests a shop inside its gate, as a job does. Where the circuit is open, one test at a time may pass: a test is there to
 * find the fault. Throws `unavailable` when the gate has no free slot.
 */
export async function testShop(deps: ShopTestDeps, tenant: string, site: string): Promise<ShopTest> {
  const [gate, id] = [`shop:${site}`, `test-${crypto.randomUUID()}`];
  const entry = await place(deps, tenant, gate, id);
  if (!entry.granted && entry.reason !== "open") throw busy();
  if (!entry.granted) return lookBeside(deps, tenant, site);
  let went: { calls: GateReport; reason?: string } = { calls: "none" };
  try {
    const result = await look(deps, tenant, site);
    went = !result.ok && result.class === "transient" ? { calls: "transient", reason: result.reason } : { calls: "answered" };
    return result;
  } finally {
    await deps.engine.gates.leave(tenant, gate, [{ id, lease: entry.lease, ...went }], deps.now());
  }
}

async function place({ engine: { gates }, now }: ShopTestDeps, tenant: string, gate: string, id: string): Promise<Entry> {
  for (let left = tries; ; left--) {
    const [entry] = await gates.enter(tenant, gate, [id], testLimitMs + 5000, now());
    if (!entry) throw busy();
    if (entry.granted || entry.reason === "open" || left === 1) return entry;
    await new Promise((resolve) => setTimeout(resolve, pauses));
  }
}

async function lookBeside(deps: ShopTestDeps, tenant: string, site: string): Promise<ShopTest> {
  const name = `${tenant}/${site}`;
  if (withoutGate.has(name)) throw busy();
  withoutGate.add(name);
  try {
    return await look(deps, tenant, site);
  } finally {
    withoutGate.delete(name);
  }
}

function busy(): Problem {
  return new Problem("unavailable", "The shop is busy: as many calls as it may get at once are running. Try again in a few seconds.", { retryAfter: 5 });
}

async function look({ db, now, engine, wake, limitMs = testLimitMs }: ShopTestDeps, tenant: string, site: string): Promise<ShopTest> {
  const signal = AbortSignal.timeout(limitMs);
  const opened = await openShop(engine, tenant, site, signal, now());
  if (!opened.ok) return failedTest(opened, signal);
  const facts = await opened.value.test(signal);
  if (!facts.ok) return failedTest(facts, signal);
  const permissions = await opened.value.permissions(needed, signal);
  if (!permissions.ok) return failedTest(permissions, signal);
  const { missing } = permissions.value;
  const warnings = missing.length === 0 ? [] : [`the webservice key lacks GET on ${missing.join(", ")}`];
  if (!missing.every(isSecondary)) return { ok: false, class: "config", reason: warnings.join() };
  const { version, ...settings } = facts.value;
  const scope = { db, tenant, site };
  await keepSettings(scope, settings, now());
  if (await resume(scope)) await wake(tenant, site);
  return { ok: true, version, timezone: settings.timezone, timeZone: settings.timezone, warnings };
}

/** Opens the shop as a job does; the caller reports the results of calls to the gate. */
async function openShop({ capabilities }: ShopTestDeps["engine"], tenant: string, site: string, signal: AbortSignal, at: number) {
  const { shops } = (await capabilities(["shops"], { tenant, at, signal, onResult: () => undefined })) as Pick<Capabilities, "shops">;
  return shops.open(site);
}

/** `signal`: of the whole test. Once its time is over, that is the reason, and not what the last call found. */
function failedTest({ failure }: Reply<unknown> & { ok: false }, { aborted }: AbortSignal): ShopTest {
  const late = `the shop answers too slowly: the test was not over within ${testLimitMs / 1000} seconds`;
  return { ok: false, class: failure.class, reason: aborted ? late : failure.reason };
}
