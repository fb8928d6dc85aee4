// npm run bench, part billed: the units of each job type that Cloudflare bills, counted, and what a million costs.
import { setTimeout as passing } from "node:timers/promises";
import { pricesAsOf, priceSources, type Units, usdOfUnits } from "../../../src/domain/costs/prices.ts";
import { setUpDemo } from "../../start/demo.ts";
import { usageOfRuntimes } from "../cpu.ts";
import { driverOf, type Jobyard, type Meter, startJobyard } from "../jobyard.ts";
import { atMost, type Figure, notMeasured, type Section } from "../report.ts";
import type { Run } from "../run.ts";
import type { Tenant } from "../tenant.ts";
import { type Kind, kinds } from "./billed-kinds.ts";

/** Longer than the longest batch time-out and the two seconds after which a late row is looked for. Milliseconds. */
const quietMs = 7500;
/** The minute counters are written two seconds after the jobs that they count. Milliseconds. */
const countersWritten = 3000;

export async function billed(run: Run): Promise<Section> {
  const jobyard = await startJobyard(run.bench, { name: "billed", local: true, metered: true, cron: false });
  const sandbox = await run.bench.sandbox();
  await setUpDemo({ url: jobyard.url, sandboxUrl: sandbox.url, rootToken: jobyard.rootToken, stateDir: run.bench.folder });
  const demo = driverOf(jobyard, demoTenant(jobyard));
  const figures: Figure[] = [];
  for (const kind of kinds) {
    const count = run.quick ? Math.min(kind.count, 40) : kind.count;
    figures.push(...(await measured(demo, count, sandbox.url, kind)));
    run.say(`billed, ${kind.name}`);
  }
  return {
    key: "billed",
    title: "Billed units for one job, and USD for a million",
    how: `Counted at the bindings of a local Worker, from the call until the job has ended and retention has removed it; rows are written as in a deployed Worker. Processor time is that of the whole local runtime, its database included, so it is an upper bound. Jobs that make others count them too. Prices of Workers Paid beyond what the plan includes, as of ${pricesAsOf}: ${[...new Set(Object.values(priceSources))].join(", ")}. "KV keys and a lock object" is computed, not measured: a message for each event, two reads and three writes of its keys in KV, and a Durable Object that is asked twice and awake for a second.`,
    figures: [...figures, { what: "KV keys and a lock object for each event: a million", unit: "USD", rounds: [usdOfUnits(keysAndLock) * 1_000_000] }],
  };
}

const keysAndLock: Units = {
  request: 1.01,
  queueOperation: 3,
  kvRead: 2,
  kvWrite: 3,
  objectRequest: 2,
  objectGbSecond: 0.128,
  rowWritten: 2,
  cpuMillisecond: 1,
};

function demoTenant({ url, rootToken }: Jobyard): Tenant {
  const ask: Tenant["ask"] = async (method, path, body) => {
    const answer = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${rootToken}`, "jobyard-tenant": "demo", "content-type": "application/json" },
      ...(body === undefined ? {} : { body: body instanceof Uint8Array ? new Blob([new Uint8Array(body)]) : JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text.slice(0, 300)}`);
    return text.startsWith("{") ? (JSON.parse(text) as unknown) : text;
  };
  return { name: "demo", ask };
}

/** One kind that cannot be measured keeps no other from it. */
async function measured(demo: Jobyard, count: number, sandboxUrl: string, kind: Kind): Promise<Figure[]> {
  try {
    return figuresOf(kind, await unitsOf(demo, count, () => kind.ask(demo, count, sandboxUrl)));
  } catch (cause) {
    return [notMeasured(kind.name, String(cause).slice(0, 200))];
  }
}

/** Of one job: what it took from its call until it was removed. */
async function unitsOf(demo: Jobyard, count: number, ask: () => Promise<void>): Promise<Meter> {
  const [before, cpu] = [await demo.control<Meter>("meter"), usageOfRuntimes()?.cpuMs ?? NaN];
  await ask();
  await untilQuiet(demo);
  const cpuMillisecond = (usageOfRuntimes()?.cpuMs ?? NaN) - cpu;
  await passing(countersWritten);
  await demo.control("retire");
  const after = await demo.control<Meter>("meter");
  const used = Object.entries(after).map(([name, value]) => [name, (value - (before[name] ?? 0)) / count] as const);
  return { ...Object.fromEntries(used), cpuMillisecond: Number.isNaN(cpuMillisecond) ? 0 : cpuMillisecond / count };
}

/** Nothing is open and nothing was sent or delivered for longer than a queue gathers a batch: a job without a row has one by then, and what it makes was made. */
async function untilQuiet(demo: Jobyard): Promise<void> {
  const deadline = performance.now() + 180_000;
  let [quietSince, operations] = [performance.now(), NaN];
  while (performance.now() - quietSince < quietMs) {
    const [{ open }, { queueOperation = 0 }] = await Promise.all([demo.control<{ open: number }>("counts"), demo.control<Meter>("meter")]);
    if (open > 0 || queueOperation !== operations) quietSince = performance.now();
    operations = queueOperation;
    if (performance.now() > deadline) throw new Error(`after three minutes ${open} jobs are still open`);
    await passing(200);
  }
}

function figuresOf({ name, goals = {}, rowsNote }: Pick<Kind, "name" | "goals" | "rowsNote">, units: Meter): Figure[] {
  const shown = { rowWritten: "D1 rows written", rowRead: "D1 rows read", queueOperation: "queue operations" } as const;
  const goalOf = { rowWritten: goals.rows, rowRead: undefined, queueOperation: goals.operations };
  const others = Object.entries(units).filter(([unit, value]) => !(unit in shown) && value > 0);
  const counted = (Object.keys(shown) as (keyof typeof shown)[]).map((unit) => {
    const goal = goalOf[unit];
    // The counters of a minute are a few rows for all jobs of a sample.
    return {
      what: `${name}: ${shown[unit]}`,
      unit: "",
      rounds: [units[unit] ?? 0],
      ...(goal === undefined ? {} : { goal: atMost(goal * 1.02, `≤ ${goal}`) }),
      ...(unit === "rowWritten" && rowsNote !== undefined ? { note: rowsNote } : {}),
    };
  });
  const usd: Figure = {
    what: `${name}: a million`,
    unit: "USD",
    rounds: [usdOfUnits(units as Units) * 1_000_000],
    ...(goals.usd === undefined ? {} : { goal: atMost(goals.usd, `≤ ${goals.usd.toFixed(2)}`) }),
    note: others.map(([unit, value]) => `${unit} ${value.toLocaleString("en", { maximumSignificantDigits: 2 })}`).join(", "),
  };
  return [...counted, usd];
}
