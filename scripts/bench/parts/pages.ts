// npm run bench, part pages: how long the Worker takes for each of the operators' pages and the calls they make, with 100,000 jobs in the ledger.
import { setTimeout as passing } from "node:timers/promises";
import { type Jobyard, startJobyard } from "../jobyard.ts";
import { allPages, anyGroup, anyJob, calls, tenantPages } from "../page-list.ts";
import { atMost, type Figure, type Section } from "../report.ts";
import type { Run } from "../run.ts";

const goalMs = 100;
/** Open jobs beside those that ended: of each kind. */
const open = 200;

export async function pages(run: Run): Promise<Section> {
  const [jobs, rounds] = run.quick ? [10_000, 5] : [100_000, 21];
  const jobyard = await startJobyard(run.bench, { name: "pages", cron: false });
  const job = await filled(jobyard, jobs);
  run.say(`pages, ${jobs.toLocaleString("en")} jobs`);
  const pageTargets = await targets(jobyard, job);
  const times = new Map<string, number[]>(pageTargets.map(({ what }) => [what, []]));
  // In turn, so that what else the machine does hits all of them; the first round warms caches and is not counted.
  for (let round = 0; round <= rounds; round++) for (const target of pageTargets) note(times, target.what, round, await timed(target));
  return {
    key: "pages",
    title: "Operators' pages",
    how:
      `Milliseconds from the request to the whole answer over loopback, of a tenant with ${jobs.toLocaleString("en")} ended jobs (one in a hundred is dead), ` +
      `${open} scheduled ones and ${open} held by a pause. The goal is ${goalMs} ms for each page and call.`,
    figures: [...times].map(([what, all]): Figure => ({ what, unit: "ms", rounds: all, goal: atMost(goalMs, `≤ ${goalMs}`) })),
  };
}

/** Answers with the id of a job that is held: the ids of seeded ones are no genuine ids. */
async function filled(jobyard: Jobyard, jobs: number): Promise<string> {
  await jobyard.control("seed", { from: 0, count: jobs });
  await jobyard.control("bury", { every: 100 });
  await jobyard.batch(open, { job: { delaySeconds: 3600 } });
  await jobyard.tenant.ask("POST", "/v1/types/noop/pause", { reason: "a benchmark" });
  const [job = ""] = await jobyard.batch(open);
  for (const deadline = performance.now() + 60_000; (await held(jobyard)) < open; await passing(100))
    if (performance.now() > deadline) throw new Error(`after a minute ${await held(jobyard)} of ${open} jobs are held by the pause`);
  return job;
}

async function held(jobyard: Jobyard): Promise<number> {
  const { queues } = (await jobyard.tenant.ask("GET", "/v1/queues")) as { queues: { held: number }[] };
  return queues.reduce((sum, queue) => sum + queue.held, 0);
}

interface Target {
  what: string;
  url: string;
  headers: Record<string, string>;
}

async function targets({ url, rootToken, tenant }: Jobyard, job: string): Promise<Target[]> {
  const { deadLetters } = (await tenant.ask("GET", "/v1/dead-letters?limit=1")) as { deadLetters: { group: string }[] };
  const [letter] = deadLetters;
  if (!letter) throw new Error("there is no dead letter to look at");
  const fill = (path: string) => path.replace(anyJob, job).replace(anyGroup, encodeURIComponent(letter.group)).replaceAll("{tenant}", tenant.name);
  const cookie = await signedIn(url, rootToken);
  const token = { authorization: `Bearer ${rootToken}`, "jobyard-tenant": tenant.name };
  return [
    ...tenantPages.map((path) => ({ what: `page ${path}`, url: `${url}/t/${tenant.name}${fill(path)}`, headers: { cookie } })),
    ...allPages.map((path) => ({ what: `page of all tenants ${path}`, url: `${url}/t/*${path}`, headers: { cookie } })),
    ...calls.map((path) => ({ what: `GET ${path}`, url: url + fill(path), headers: token })),
  ];
}

/** Signs in at the pages; answers with the session's cookie. */
export async function signedIn(url: string, rootToken: string): Promise<string> {
  const body = new URLSearchParams({ token: rootToken });
  const answer = await fetch(`${url}/session`, { method: "POST", body, redirect: "manual", headers: { origin: url, "sec-fetch-site": "same-origin" } });
  const cookie = answer.headers.get("set-cookie")?.split(";")[0];
  if (!cookie) throw new Error(`signing in answered ${answer.status}`);
  return cookie;
}

async function timed({ what, url, headers }: Target): Promise<number> {
  const begun = performance.now();
  const answer = await fetch(url, { headers, redirect: "manual" });
  const text = await answer.text();
  if (answer.status !== 200) throw new Error(`${what} answered ${answer.status}: ${text.slice(0, 200)}`);
  return performance.now() - begun;
}

function note(times: Map<string, number[]>, what: string, round: number, ms: number): void {
  if (round > 0) times.get(what)?.push(ms);
}
