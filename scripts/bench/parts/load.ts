// npm run bench, part load: 100,000 jobs over HTTP at rising rates, until the local Worker takes no more.
import { Agent, request } from "node:http";
import { setTimeout as passing } from "node:timers/promises";
import { type Jobyard, startJobyard } from "../jobyard.ts";
import { byStatus, percentile, type Posted } from "../posts.ts";
import type { Figure, Section } from "../report.ts";
import type { Run } from "../run.ts";

/** Requests a second, one job each. */
const rates = [100, 250, 500, 1000, 2000, 4000];
/** Accepted jobs that are looked up one by one. */
const maxLooks = 1000;
/** A request without an answer by then is given up. Milliseconds. */
const maxAnswerMs = 30_000;

/** Answers of 429 and 503 without a time to come again. */
let bare = 0;

export async function load(run: Run): Promise<Section> {
  const total = run.quick ? 5000 : 100_000;
  const jobyard = await startJobyard(run.bench, { name: "load" });
  const figures: Figure[] = [];
  const accepted: string[] = [];
  const statuses = new Map<number, number>();
  const begun = performance.now();
  for (const [index, rate] of rates.entries()) {
    // Each rate for as long as all of them need for their share of the jobs.
    const count = Math.round((total * rate) / rates.reduce((sum, each) => sum + each, 0));
    const started = performance.now();
    const posted = await offer(jobyard, rate, count, index * total);
    const seconds = (performance.now() - started) / 1000;
    const taken = posted.filter(({ status }) => status === 202);
    accepted.push(...taken.map(({ body }) => (JSON.parse(body) as { id: string }).id));
    for (const { status } of posted) statuses.set(status, (statuses.get(status) ?? 0) + 1);
    const times = taken.map(({ ms }) => ms);
    const how = `p50 ${percentile(times, 50).toFixed(0)} ms, p99 ${percentile(times, 99).toFixed(0)} ms; ${byStatus(posted)}`;
    figures.push({ what: `offered ${rate} a second: accepted a second`, unit: "", rounds: [taken.length / seconds], note: how });
    run.say(`load: ${rate} a second: ${(taken.length / seconds).toFixed(0)} accepted a second, ${how}`);
  }
  const unanswered = statuses.get(0) ?? 0;
  await jobyard.untilDone(accepted.length, begun);
  // What had no answer may have been accepted; what was accepted must be done.
  const { done } = await atRest(jobyard);
  const missing = await notDone(jobyard, accepted);
  const lost = Math.max(0, accepted.length - done);
  const strange = Math.max(0, done - accepted.length - unanswered);
  const none = { text: "0", holds: (n: number) => n === 0 };
  return {
    key: "load",
    title: "Rising load",
    how: `${total.toLocaleString("en")} jobs without effect, one for each request, offered at rising rates whether or not earlier requests are answered; then the ledger is counted.`,
    figures: [
      ...figures,
      { what: "accepted jobs that are not done at the end", unit: "", rounds: [lost], goal: none },
      {
        what: `of ${Math.min(maxLooks, accepted.length).toLocaleString("en-US")} accepted jobs that were looked up, not done`,
        unit: "",
        rounds: [missing],
        goal: none,
      },
      { what: "jobs done that were refused", unit: "", rounds: [strange], goal: none },
      { what: "refused without Retry-After", unit: "", rounds: [bare], goal: none },
    ],
  };
}

/** What the ledger has once none of the jobs is open: those without an answer may be the last ones. */
async function atRest({ control }: Jobyard): Promise<{ done: number; open: number }> {
  for (const until = performance.now() + 60_000; ; await passing(200)) {
    const counts = await control<{ done: number; open: number }>("counts");
    if (counts.open === 0 || performance.now() > until) return counts;
  }
}

/** How many of some accepted jobs, evenly spread, are not done: a sum would not distinguish a lost one from one that had no answer and is done. */
async function notDone({ tenant }: Jobyard, accepted: readonly string[]): Promise<number> {
  const step = Math.max(1, Math.ceil(accepted.length / maxLooks));
  const ids = accepted.filter((_, index) => index % step === 0).values();
  let missing = 0;
  const lane = async () => {
    for (const id of ids) {
      const { state } = (await tenant.ask("GET", `/v1/jobs/${id}`)) as { state: string };
      if (state !== "done") missing++;
    }
  };
  await Promise.all(Array.from({ length: 16 }, lane));
  return missing;
}

/** Sends so many at this rate, an open loop: a slow answer holds back no later request. */
async function offer(jobyard: Jobyard, rate: number, count: number, from: number): Promise<Posted[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1024 });
  const begun = performance.now();
  const requests: Promise<Posted>[] = [];
  while (requests.length < count) {
    const due = Math.min(count, Math.ceil(((performance.now() - begun) / 1000) * rate));
    while (requests.length < due) requests.push(one(agent, jobyard, from + requests.length));
    await passing(5);
  }
  const posted = await Promise.all(requests);
  agent.destroy();
  return posted;
}

function one(agent: Agent, { url, rootToken, tenant }: Jobyard, n: number): Promise<Posted> {
  const begun = performance.now();
  const body = JSON.stringify({ type: "noop", payload: { n } });
  const headers = {
    ...{ authorization: `Bearer ${rootToken}`, "jobyard-tenant": tenant.name },
    ...{ "content-type": "application/json", "content-length": Buffer.byteLength(body) },
  };
  return new Promise((resolve) => {
    const none = (cause: Error) => resolve({ status: 0, body: cause.message, ms: performance.now() - begun });
    const posting = request(`${url}/v1/jobs`, { method: "POST", agent, headers, timeout: maxAnswerMs }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("error", none);
      answer.on("end", () => {
        const status = answer.statusCode ?? 0;
        if ((status === 429 || status === 503) && answer.headers["retry-after"] === undefined) bare++;
        resolve({ status, body: Buffer.concat(chunks).toString(), ms: performance.now() - begun });
      });
    });
    posting.on("timeout", () => posting.destroy(new Error("no answer")));
    posting.on("error", none);
    posting.end(body);
  });
}
