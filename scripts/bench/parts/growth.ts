// npm run bench, part growth: what the same work costs with ever more jobs in the ledger.
import { type Jobyard, startJobyard } from "../jobyard.ts";
import { signedIn } from "./pages.ts";
import { atMost, type Figure, median, notMeasured, type Section } from "../report.ts";
import type { Run } from "../run.ts";

const perCall = 100_000;

/** What is asked of the ledger, each as often and in turn. */
const reads = [
  { name: "the newest jobs", path: "/v1/jobs?limit=50" },
  { name: "the newest done", path: "/v1/jobs?state=done&limit=50" },
  { name: "a search by text", path: "/v1/jobs?q=nothing-has-this&limit=50" },
  { name: "dead letters", path: "/v1/dead-letters?limit=50" },
  { name: "queues", path: "/v1/queues" },
  { name: "report", path: "/v1/report" },
  { name: "the page of the operator", path: "/t/bench/" },
];

export async function growth(run: Run): Promise<Section> {
  const sizes = run.quick ? [0, 10_000] : [0, 10_000, 100_000, 1_000_000];
  const [jobs, times] = run.quick ? [500, 5] : [1000, 21];
  const jobyard = await startJobyard(run.bench, { name: "growth" });
  const measured = new Map<string, number[][]>();
  const read = new Map<string, number[]>();
  let done = 0;
  const work = async (name: string) => note(measured, name, await worked(jobyard, jobs, (done += jobs)));
  // What is compared is a ledger that has a page of jobs with one that has many pages.
  await worked(jobyard, jobs, (done += jobs));
  const headers = await headersOf(jobyard);
  const missing = await missingOf(jobyard, headers);
  const there = reads.filter(({ name }) => !missing.some((each) => each.name === name));
  for (const [index, size] of sizes.entries()) {
    const missing = size - (sizes[index - 1] ?? 0);
    for (let from = 0; from < missing; from += perCall)
      await jobyard.control("seed", { from: size - missing + from, count: Math.min(perCall, missing - from) });
    // The reads meet as many jobs that the tick has not walked past at each size: those of this work.
    await jobyard.control("walk");
    for (let round = 0; round < 3; round++) await work("take and work off a job");
    for (let round = 0; round < times; round++) for (const { name, path } of there) note(measured, name, await answeredMs(jobyard, path, headers));
    for (const { name, path } of there)
      read.set(name, [...(read.get(name) ?? []), (await jobyard.control<{ rows: number }>("read", { path, cookie: headers.cookie })).rows]);
    for (const all of measured.values()) all.push([]);
    run.say(`growth, ${size.toLocaleString("en")} jobs`);
  }
  return {
    key: "growth",
    title: "Growth",
    how: `One tenant's ended jobs in the ledger beside what is measured: ${sizes.map((size) => size.toLocaleString("en")).join(", ")}. The goal is 1.2 × of the time with none. Each size has as many jobs of the last minute, which lists of open jobs look at. Rows read are counted by D1: where they are as many as with none, a longer time is the machine's.`,
    figures: [
      ...[...measured].flatMap(([name, rounds]) => figuresOf(name, rounds, sizes)),
      ...[...read].flatMap(([name, rows]) => rowsOf(name, rows, sizes)),
      ...missing.map(({ name, why }) => notMeasured(name, why)),
    ],
  };
}

/** Into the last group of its name. */
function note(measured: Map<string, number[][]>, name: string, value: number): void {
  const groups = measured.get(name) ?? [[]];
  groups.at(-1)?.push(value);
  measured.set(name, groups);
}

async function worked(jobyard: Jobyard, count: number, sum: number): Promise<number> {
  const begun = performance.now();
  await jobyard.batch(count);
  return (await jobyard.untilDone(sum, begun)) / count;
}

/** Those that cannot be read by a token alone in this version, with why. */
async function missingOf(jobyard: Jobyard, headers: Headers): Promise<{ name: string; why: string }[]> {
  const found = await Promise.all(reads.map(async ({ name, path }) => ({ name, path, status: await statusOf(jobyard, path, headers) })));
  return found.flatMap(({ name, path, status }) => (status === 200 ? [] : [{ name, why: `GET ${path} answered ${status}` }]));
}

async function statusOf(jobyard: Jobyard, path: string, headers: Headers): Promise<number> {
  const answer = await get(jobyard, path, headers);
  await answer.text();
  return answer.status;
}

async function answeredMs(jobyard: Jobyard, path: string, headers: Headers): Promise<number> {
  const begun = performance.now();
  const answer = await get(jobyard, path, headers);
  await answer.text();
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}`);
  return performance.now() - begun;
}

/** The interface takes the token, the pages take the cookie. */
async function headersOf({ url, rootToken, tenant }: Jobyard) {
  return { authorization: `Bearer ${rootToken}`, "jobyard-tenant": tenant.name, cookie: await signedIn(url, rootToken) };
}

type Headers = Awaited<ReturnType<typeof headersOf>>;

function get({ url }: Jobyard, path: string, headers: Headers): Promise<Response> {
  return fetch(url + path, { headers, redirect: "manual" });
}

function figuresOf(name: string, rounds: readonly number[][], sizes: readonly number[]): Figure[] {
  const [empty = NaN] = rounds.map(median);
  const own = sizes.map((size, index) => ({ what: `${name}, ${size.toLocaleString("en")} jobs`, unit: "ms", rounds: rounds[index] ?? [] }));
  const most = sizes.at(-1) ?? 0;
  const last = median(rounds[sizes.length - 1] ?? []);
  return [...own, { what: `${name}, ${most.toLocaleString("en")} over none`, unit: "×", rounds: [last / empty], goal: atMost(1.2, "≤ 1.2") }];
}

/** Rows of the database that one answer reads, with no jobs and with most. */
function rowsOf(name: string, rows: readonly number[], sizes: readonly number[]): Figure[] {
  return [0, sizes.length - 1].map((at) => ({
    what: `${name}, ${(sizes[at] ?? 0).toLocaleString("en")} jobs: rows read`,
    unit: "",
    rounds: [rows[at] ?? NaN],
  }));
}
