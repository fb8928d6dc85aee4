import { setTimeout as passing } from "node:timers/promises";
import sharp from "sharp";
import { seeded } from "../sandbox/faults.ts";
import { breakOn, tickAlong } from "./break.ts";
import { type Campaign, lookAt, makeCampaign, startCampaign } from "./campaigns.ts";
import { Course } from "./course.ts";
import { untilRest } from "./heal.ts";
import { type Ledger, readLedger } from "./ledger.ts";
import { Observed } from "./observed.ts";
import { postsOf } from "./posts.ts";
import { type Fault, losesAnswers, type Schedule, scheduleOf } from "./schedule.ts";
import { send, type Sending } from "./sender.ts";
import { expectOk } from "../../test/way/support/api.ts";
import { openRemote, openTenant, type Tenant } from "./tenants.ts";
import { doneOf, type Evidence, type Verdict, verdictOf } from "./verdict.ts";
import { World } from "./world.ts";

export interface RunOptions {
  seed: number;
  jobs: number;
  /** Faults that happen, by their number in the schedule; undefined: all. */
  only?: readonly number[] | undefined;
  /** Faults in the order of time, in the place of those of the seed. */
  faults?: readonly Fault[] | undefined;
  /** A fault that is planted into the Worker. */
  mutant?: string | undefined;
  /** The commit that stands for the release before; undefined: this one, without packs. */
  older?: string | undefined;
  say: (line: string) => void;
}

export interface Ran {
  schedule: Schedule;
  verdict: Verdict;
  evidence: Evidence;
  seconds: number;
}

const tenantCount = 3;
/** Jobs that are posted in a second, at most. */
const pace = 160;

/** Of each schedule, besides one of each kind of death, two releases and two ticks. */
const minFaults = 8;
const jobsOfFault = 200;

/** Counters that are not written after so long are lost; where no fault can have lost them, they are waited for longer. Milliseconds. */
const [lostMs, missingMs] = [10_000, 120_000];

/** Looks at the gates, four a second, before a slot that stays taken is one that was left. */
const maxLooks = 120;

/** A run's slot at a gate is its own for no longer. Milliseconds. */
const slotMs = 15 * 60_000;

/** The schedule of a seed, with the faults that were asked for. */
export function planned({ seed, jobs, only, faults }: Pick<RunOptions, "seed" | "jobs" | "only" | "faults">): Schedule {
  const length = Math.max(20_000, (jobs / pace) * 1000);
  const schedule = scheduleOf(seed, length, Math.max(minFaults, Math.round(jobs / jobsOfFault)), seeded(seed));
  return { ...schedule, faults: (faults ?? schedule.faults).filter((_, index) => only?.includes(index) ?? true) };
}

/** One run: posts and faults side by side, then everything heals, then the verdict. */
export async function run(options: RunOptions): Promise<Ran> {
  const begun = performance.now();
  const schedule = planned(options);
  const observed = new Observed();
  const world = await new World(schedule.mode, options.mutant, options.older).open(observed);
  try {
    const names = Array.from({ length: tenantCount }, (_, index) => `t${index}`);
    const tenants = await Promise.all(names.map((name) => openTenant(world, name)));
    const [first] = tenants as [Tenant];
    await openRemote(world, first);
    const campaigns = await Promise.all(tenants.map((tenant) => makeCampaign(tenant, Math.ceil(options.jobs / 10 / tenantCount))));
    const elapsed = () => `${((performance.now() - begun) / 1000).toFixed(0)} s`;
    options.say(`up after ${elapsed()}; ${schedule.faults.length} faults in ${(schedule.length / 1000).toFixed(0)} s`);
    const { sending, spans } = await underFire(world, schedule, tenants, campaigns, options);
    options.say(`all is posted after ${elapsed()}`);
    await world.calm();
    const rest = await untilRest(world);
    options.say(
      `at rest after ${elapsed()}: ${(rest.passed / 60_000).toFixed(0)} minutes passed on its clock, ${rest.open.reduce((sum, { n }) => sum + n, 0)} jobs are open`,
    );
    const atRest = rest.open.length === 0;
    // What a run that ended with its isolate has left at a gate is given up after so long.
    if (atRest) await world.jump(slotMs);
    const differences = atRest ? (await Promise.all(tenants.map(synced))).flat() : [];
    const taken = atRest ? (await Promise.all(tenants.map(slotsTaken))).flat() : [];
    const ledger = await readLedger(world);
    const evidence: Evidence = {
      ...{ schedule, sending, observed, spans, rest, differences, taken, ledger },
      remote: world.outside.acts,
      campaigns: await Promise.all(campaigns.map((campaign, index) => lookAt(tenants[index] as Tenant, campaign))),
      foreign: await foreignTo(tenants, sending),
      counted: await countedBy(world, ledger, schedule.faults.some(losesAnswers) ? lostMs : missingMs),
    };
    return { schedule, evidence, verdict: verdictOf(evidence), seconds: (performance.now() - begun) / 1000 };
  } catch (cause) {
    throw new Error(
      `${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}\nThe Worker's last lines:\n${world.output.slice(-20).join("\n")}`,
      { cause },
    );
  } finally {
    await world.close();
  }
}

async function underFire(world: World, schedule: Schedule, tenants: Tenant[], campaigns: Campaign[], { seed, jobs }: RunOptions) {
  const over = new AbortController();
  const posts = postsOf(jobs, tenants.length, schedule.length, seeded(seed + 1));
  const picture = await sharp({ create: { width: 640, height: 480, channels: 3, background: "#4a7" } })
    .jpeg()
    .toBuffer();
  const course = new Course();
  const ticking = tickAlong(world, over.signal);
  const starting = course
    .reached(schedule.length / 10)
    .then(() => Promise.all(campaigns.map((campaign, index) => startCampaign(tenants[index] as Tenant, campaign))));
  const [sending, spans] = await Promise.all([send(posts, tenants, new Uint8Array(picture), course), breakOn(schedule, world, course), starting]);
  over.abort();
  await ticking;
  return { sending, spans };
}

/** A last sync of the tenant's shop, and where its rows differ then. */
async function synced({ shops, site }: Tenant): Promise<string[]> {
  await shops.sync("sync-orders", site, { lastDays: 3650 });
  await shops.sync("sync-products", site, { linkVendors: true });
  return [...(await shops.ordersDiffer(site)), ...(await shops.productsDiffer(site))].map((difference) => `${site}: ${difference}`);
}

/** Slots of gates that are taken while no job is open; looked at again while runs may be leaving. */
async function slotsTaken({ api, name }: Tenant): Promise<string[]> {
  for (let looks = 1; ; looks++) {
    const { gates } = (await expectOk(api.get("/v1/gates"))).body as { gates: { dependency: string; slots: { used: number } }[] };
    const taken = gates.filter(({ slots }) => slots.used > 0);
    if (taken.length === 0 || looks >= maxLooks)
      return taken.map(({ dependency, slots }) => `${name}: ${slots.used} slots of gate ${dependency} are taken by no run`);
    await passing(250);
  }
}

/** Some of each tenant's jobs, asked for with another's token: each must be unknown. */
async function foreignTo(tenants: readonly Tenant[], { posted }: Sending): Promise<string[]> {
  const some = posted.filter(({ id }, index) => id !== null && index % Math.ceil(posted.length / 30) === 0);
  const looked = await Promise.all(
    some.map(async ({ id, tenant }) => {
      const other = tenants.find(({ name }) => name !== tenant) as Tenant;
      const { status } = await other.api.get(`/v1/jobs/${id}`);
      return status === 404 ? [] : [`job ${id} of ${tenant} answered ${status} to ${other.name}`];
    }),
  );
  return looked.flat();
}

/** Jobs counted as done, by tenant and type. Counters are written seconds after what they count, and some may be lost. */
async function countedBy(world: World, { rows }: Ledger, maxMs: number): Promise<Map<string, number>> {
  const done = doneOf(rows.values());
  for (const begun = performance.now(); ; await passing(500)) {
    const sql = "SELECT tenant || ' ' || type AS name, sum(n) AS n FROM counters WHERE event = 'done' GROUP BY 1";
    const counted = new Map((await world.rows<{ name: string; n: number }>(sql)).map(({ name, n }) => [name, n]));
    const areAll = [...done].every(([name, jobs]) => (counted.get(name) ?? 0) >= jobs.length);
    if (areAll || performance.now() - begun > maxMs) return counted;
  }
}
