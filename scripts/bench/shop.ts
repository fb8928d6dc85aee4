// npm run bench:shop [-- --orders=10000 --products=5000 --kills=10 --seed=N]: reads sandbox shops of both versions through the local Worker, kills it on the way, and compares all with the shop. Exits 1 on any difference.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { readWords, wholeNumber } from "../usage.ts";
import { startSandbox } from "../sandbox/server.ts";
import { freePort } from "../start/ports.ts";
import { type Figure, killed, readings } from "./shop/measure.ts";
import { MeasuredSite } from "./shop/site.ts";
import { MeasuredWorker } from "./shop/worker.ts";

const number = (usual: number) => ({ type: "string", default: String(usual) }) as const;
const [orders, products, kills, seed] = readWords(() => {
  const { values } = parseArgs({ options: { orders: number(10_000), products: number(5000), kills: number(10), seed: number(Date.now() % 2 ** 31) } });
  const read = (name: keyof typeof values, max: number) => wholeNumber(`--${name}`, values[name], 0, max);
  return [read("orders", 1_000_000), read("products", 1_000_000), read("kills", 1000), read("seed", 2 ** 31)] as const;
});

const stateDir = mkdtempSync(join(tmpdir(), "jobyard-bench-"));
// A sync leaves the last minute to the next one: in the shop it is always a little earlier.
const behind = 3 * 60_000;
const sandbox = await startSandbox({ now: () => Date.now() - behind });
const worker = new MeasuredWorker(resolve(import.meta.dirname, "../.."), stateDir, await freePort());
let differences = 0;

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void end(130));
try {
  await worker.start();
  // No clock is changed there: in the hour that one repeats, local time is ambiguous.
  await measure("1.7.8", "America/Caracas");
  await measure("8.2", "Asia/Kolkata");
  await end(differences > 0 ? 1 : 0);
} catch (cause) {
  console.error(cause);
  await end(1);
}

async function measure(version: string, timeZone: string): Promise<void> {
  console.log(`\nPrestaShop ${version} in ${timeZone}: ${orders} orders, ${products} products, seed ${seed}`);
  const ends = { worker, sandboxUrl: sandbox.url };
  const until = Math.floor((Date.now() - behind) / 1000) * 1000;
  const settings = { version, timeZone, orders, products, spanDays: 39, until, seed };
  const site = new MeasuredSite(`read-${version.replaceAll(".", "-")}`, ends);
  await site.make(settings);
  let requests = 0;
  for await (const figure of readings(site)) {
    requests ||= figure.requests;
    print(figure);
  }
  const { concurrency, largest } = await site.summary();
  const { rows, bytes } = Object.values(largest).reduce((a, b) => ({ rows: Math.max(a.rows, b.rows), bytes: Math.max(a.bytes, b.bytes) }));
  console.log(`  at most ${concurrency.most} request at a time; the largest answers had ${rows} rows and ${Math.ceil(bytes / 1000)} kB`);
  const victim = new MeasuredSite(`killed-${version.replaceAll(".", "-")}`, ends);
  await victim.make(settings);
  print(await killed(victim, { kills, seed, requests, killAndStart: () => worker.killAndStart() }));
}

function print({ what, rows, seconds, requests, differences: found }: Figure): void {
  const rate = rows > 0 ? `${Math.round(rows / seconds)} rows/s` : "";
  const equal = found === undefined ? "" : found.length === 0 ? "equal" : `${found.length} DIFFERENCES`;
  console.log(
    `  ${what.padEnd(26)} ${String(rows).padStart(7)} rows ${seconds.toFixed(1).padStart(7)} s ${String(requests).padStart(6)} requests ${rate.padStart(12)}  ${equal}`,
  );
  for (const each of found?.slice(0, 10) ?? []) console.log(`      ${each}`);
  differences += found?.length ?? 0;
}

async function end(code: number): Promise<void> {
  await Promise.allSettled([worker.stop(), sandbox.close()]);
  rmSync(stateDir, { recursive: true, force: true });
  process.exit(code);
}
