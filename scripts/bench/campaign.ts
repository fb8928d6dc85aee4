// npm run bench:campaign [-- RECIPIENTS]: a campaign of 100,000 (or RECIPIENTS) over the local Worker and a sandbox provider that takes batches.
// Prints rate, memory and queue operations; exits 1 when a mail was lost or doubled.
import { readdirSync, readFileSync } from "node:fs";
import { Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { makeTenant, type Tenant } from "./tenant.ts";
import { Workbench } from "./worker.ts";
import { readWords, wholeNumber } from "../usage.ts";

const count = readWords(() => wholeNumber("The count", process.argv[2] ?? "100000", 1, 1_000_000));
if (!(Number.isInteger(count) && count > 0 && count <= 1_000_000)) {
  console.error("Usage: npm run bench:campaign [-- RECIPIENTS], RECIPIENTS from 1 to 1,000,000.");
  process.exit(2);
}

interface Report {
  state: string;
  total: number;
  sent: number;
  failed: number;
}

interface Page {
  jobs: { runs: number }[];
  cursor: string | null;
}

const bench = new Workbench((line) => console.error(line));
let ended: Promise<void> | undefined;
const end = () => (ended ??= bench.end());
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => void end().then(() => process.exit(130)));
const orphaned = () => void end().then(() => process.exit(1));
process.once("disconnect", orphaned);
try {
  process.exitCode = (await measure()) ? 0 : 1;
} finally {
  await end();
}
process.off("disconnect", orphaned);
if (process.connected) process.disconnect();

async function measure(): Promise<boolean> {
  const sandbox = await bench.sandbox();
  // With an address of its own each mail has a link to unsubscribe.
  const worker = await bench.worker({ name: "campaign", change: (config) => Object.assign(config, { vars: { PUBLIC_URL: "https://jobs.bench.example" } }) });
  const tenant = await makeTenant(worker, "bench");
  const connection = { provider: "resend", baseUrl: `${sandbox.url}/mail`, apiKey: "re_bench_0123456789", from: "Bench <bench@bench.example>" };
  await tenant.ask("PUT", "/v1/connections/mail", connection);
  await tenant.ask("PUT", "/v1/templates/news", { subject: "News, {{ name }}", html: "<p>Hello {{ name }}</p>", text: "Hello {{ name }}" });
  const { id } = (await tenant.ask("POST", "/v1/campaigns", { name: "Bench", templateId: "news" })) as { id: string };
  console.log(`A campaign of ${count.toLocaleString("en")} recipients`);

  const idle = memory();
  const uploading = performance.now();
  const put = await fetch(`${worker.url}/v1/campaigns/${id}/recipients`, {
    method: "PUT",
    headers: { authorization: `Bearer ${worker.rootToken}`, "jobyard-tenant": "bench", "content-type": "text/csv" },
    body: Readable.toWeb(Readable.from(rows())),
    duplex: "half",
  } as RequestInit);
  if (!put.ok) throw new Error(`the list was answered with ${put.status}: ${(await put.text()).slice(0, 300)}`);
  print("list taken in", `${((performance.now() - uploading) / 1000).toFixed(1)} s`);
  const afterUpload = memory();

  const started = performance.now();
  const computed = processorSeconds();
  await tenant.ask("POST", `/v1/campaigns/${id}/start`);
  const samples: number[] = [];
  let report: Report;
  do {
    await pause(1000);
    report = (await tenant.ask("GET", `/v1/campaigns/${id}`)) as Report;
    samples.push(memory());
  } while (report.state === "running");
  const seconds = (performance.now() - started) / 1000;
  print("sent in", `${seconds.toFixed(1)} s: ${Math.round(count / seconds).toLocaleString("en")} a second (goal 1,000)`);
  // What the rate would be with a core of its own, whatever else the machine does meanwhile.
  const spent = processorSeconds() - computed;
  print("processor time of the runtime", `${spent.toFixed(1)} s: ${Math.round(count / spent).toLocaleString("en")} recipients a second of it`);
  const third = Math.ceil(samples.length / 3);
  const middle = (part: readonly number[]) => part.toSorted((a, b) => a - b)[part.length >> 1] ?? 0;
  const thirds = [0, 1, 2].map((index) => middle(samples.slice(index * third, (index + 1) * third)));
  print(
    "memory of the runtime, MB",
    `${idle} idle, ${afterUpload} after the list; medians of the thirds ${thirds.join(", ")}; at most ${Math.max(...samples)}`,
  );
  const [pages, cutters] = [await runsOf(tenant, "campaign-page"), await runsOf(tenant, "campaign")];
  const messages = pages.runs + cutters.runs;
  print(
    "pages",
    `${pages.jobs.toLocaleString("en")} jobs in ${pages.runs.toLocaleString("en")} runs; ${cutters.runs.toLocaleString("en")} runs of the job that cuts them`,
  );
  print("queue operations", `${(messages * 3).toLocaleString("en")} (write, read and delete a message): ${((messages * 3) / count).toFixed(3)} a recipient`);

  const { received } = (await (await fetch(`${sandbox.url}/__mailbox?limit=1`)).json()) as { received: number };
  const { repeated } = (await (await fetch(`${sandbox.url}/__effects?provider=mail`)).json()) as { repeated: Record<string, number> };
  print("report", `${report.state}, ${report.sent.toLocaleString("en")} sent, ${report.failed} failed`);
  print("provider", `${received.toLocaleString("en")} mails, ${Object.keys(repeated).length} calls that took effect twice`);
  return report.sent === count && received === count && Object.keys(repeated).length === 0;
}

function* rows(): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  yield encoder.encode("email,name\n");
  for (let from = 0; from < count; from += 1000) {
    const lines = Array.from(
      { length: Math.min(1000, count - from) },
      (_, index) => `reader-${from + index}@list-${(from + index) % 97}.example,Reader ${from + index}\n`,
    );
    yield encoder.encode(lines.join(""));
  }
}

async function runsOf(tenant: Tenant, type: string): Promise<{ jobs: number; runs: number }> {
  const sum = { jobs: 0, runs: 0 };
  for (let cursor: string | null = ""; cursor !== null;) {
    const page = (await tenant.ask("GET", `/v1/jobs?type=${type}&limit=200${cursor === "" ? "" : `&cursor=${cursor}`}`)) as Page;
    sum.jobs += page.jobs.length;
    sum.runs += page.jobs.reduce((total, { runs }) => total + runs, 0);
    cursor = page.cursor;
  }
  return sum;
}

/** Resident megabytes of the runtimes that this process started. */
function memory(): number {
  return Math.round(runtimes().reduce((sum, { kilobytes }) => sum + kilobytes, 0) / 1024);
}

/** What they computed so far: user and system time, at 100 ticks a second. */
function processorSeconds(): number {
  const ticks = runtimes().map(({ pid }) =>
    readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" "),
  );
  return ticks.reduce((sum, fields) => sum + Number(fields[11]) + Number(fields[12]), 0) / 100;
}

function runtimes(): ReturnType<typeof statusOf> {
  const all = readdirSync("/proc").flatMap((entry) => (/^\d+$/.test(entry) ? statusOf(entry) : []));
  const mine = new Set([process.pid]);
  for (let known = 0; known < mine.size;) {
    known = mine.size;
    for (const { pid, parent } of all) if (mine.has(parent)) mine.add(pid);
  }
  return all.filter(({ pid, name }) => mine.has(pid) && name === "workerd");
}

function statusOf(pid: string) {
  try {
    const text = readFileSync(`/proc/${pid}/status`, "utf8");
    const field = (name: string) => new RegExp(`^${name}:\\s+(\\S+)`, "m").exec(text)?.[1] ?? "0";
    return [{ pid: Number(pid), parent: Number(field("PPid")), name: field("Name"), kilobytes: Number(field("VmRSS")) }];
  } catch {
    // It ended while we looked.
    return [];
  }
}

function print(name: string, value: string): void {
  console.log(`  ${name.padEnd(32)}${value}`);
}
