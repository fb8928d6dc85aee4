// npm run bench:leads [-- POSTS]: 10,000 (or POSTS) form posts over 16 connections until all are stored and forwarded, then what accepting one costs
// against a bare send(). Prints its figures; exits 1 when a lead was lost or doubled.
import { bareWorker, compare, type Cost } from "./accepting.ts";
import { type Burst, burst, leadPost, makeProject } from "./lead-burst.ts";
import { byStatus, percentile } from "./posts.ts";
import { makeTenant } from "./tenant.ts";
import { type StartOptions, Workbench } from "./worker.ts";
import { readWords, wholeNumber } from "../usage.ts";

const connections = 16;
const count = readWords(() => wholeNumber("The count", process.argv[2] ?? "10000", 1, 1_000_000));
if (!(Number.isInteger(count) && count > 0 && count <= 100_000)) {
  console.error("Usage: npm run bench:leads [-- POSTS], POSTS from 1 to 100,000.");
  process.exit(2);
}

const bench = new Workbench((line) => console.error(line));
let ended: Promise<void> | undefined;
const end = () => (ended ??= bench.end());
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => void end().then(() => process.exit(130)));
const orphaned = () => void end().then(() => process.exit(1));
process.once("disconnect", orphaned);
try {
  const happened = await runBurst();
  const costs = await accepting();
  process.exitCode = happened.lost.length + happened.doubled.length + costs.reduce((sum, { failed }) => sum + failed, 0) > 0 ? 1 : 0;
} finally {
  await end();
}
process.off("disconnect", orphaned);
if (process.connected) process.disconnect();

async function runBurst(): Promise<Burst> {
  const sandbox = await bench.sandbox();
  const worker = await bench.worker({ name: "burst" });
  const project = await makeProject(worker.url, await makeTenant(worker, "bench"), sandbox.url);
  console.log(`${count.toLocaleString("en")} form posts over ${connections} connections, consumers running, ledger awaited`);
  const happened = await burst(project, sandbox.url, count, connections);
  const { posted, answeredAfter, storedAfter, forwardedAfter, lost, doubled } = happened;
  const times = posted.map(({ ms }) => ms);
  print("answers", byStatus(posted));
  print("answered in", [50, 95, 99].map((each) => `p${each} ${percentile(times, each).toFixed(1)} ms`).join(", "));
  print("all answered after", seconds(answeredAfter));
  print("all stored after", seconds(storedAfter));
  print("all forwarded after", seconds(forwardedAfter));
  print("lost", `${lost.length} ${lost.slice(0, 3).join(" ")}`);
  print("stored or forwarded twice", `${doubled.length} ${doubled.slice(0, 3).join(" ")}`);
  return happened;
}

/** No consumer runs here: the benchmark measures accepting alone. */
async function accepting(): Promise<Cost[]> {
  console.log(`\nAccepting one lead over HTTP, ${connections} connections, nobody consuming`);
  const bare = await bareWorker(bench);
  const quiet = (options: StartOptions) => bench.worker({ ...options, change: ({ queues }) => void (queues.consumers = []) });
  const [awaited, alongside] = [await quiet({ name: "awaited" }), await quiet({ name: "alongside", local: false })];
  const projects = await Promise.all([awaited, alongside].map(async (worker) => makeProject(worker.url, await makeTenant(worker, "bench"), null)));
  const [first, second] = projects;
  if (!first || !second) throw new Error("there are no projects to post to");
  const costs = await compare(
    [
      { name: "a bare send()", post: (n) => ({ ...leadPost(first, n), url: bare }) },
      { name: "ledger alongside (goal 1.35)", post: (n) => leadPost(second, n) },
      { name: "ledger awaited (goal 1.6)", post: (n) => leadPost(first, n) },
      { name: "a form's nonce, ledger awaited", post: (n) => leadPost(first, n, { __pg_nonce: `nonce-${n}` }) },
    ],
    connections,
  );
  for (const { name, p50, ratio, failed } of costs) print(name, `p50 ${p50.toFixed(2)} ms, ${ratio.toFixed(2)} ×${failed > 0 ? `, ${failed} failed` : ""}`);
  return costs;
}

function seconds(value: number | null): string {
  return value === null ? "never" : `${value.toFixed(1)} s (${Math.round(count / value).toLocaleString("en")} a second)`;
}

function print(name: string, value: string): void {
  console.log(`  ${name.padEnd(32)}${value.trimEnd()}`);
}
