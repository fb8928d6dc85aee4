// npm run bench:images [-- UPLOADS]: 1,000 (or UPLOADS) photographs over 8 connections, until all have their thumbnails and alt texts.
// Prints its figures; exits 1 when one was lost, failed or was processed twice.
import sharp from "sharp";
import { makeTenant, type Tenant } from "./tenant.ts";
import { type Started, Workbench } from "./worker.ts";
import { readWords, wholeNumber } from "../usage.ts";

const connections = 8;
const count = readWords(() => wholeNumber("The count", process.argv[2] ?? "1000", 1, 1_000_000));
if (!(Number.isInteger(count) && count > 0 && count <= 100_000)) {
  console.error("Usage: npm run bench:images [-- UPLOADS], UPLOADS from 1 to 100,000.");
  process.exit(2);
}

interface Picture {
  key: string;
  altText?: string;
  issue?: string;
  variants: { width: number; height: number }[];
}

const bench = new Workbench((line) => console.error(line));
let ended: Promise<void> | undefined;
const end = () => (ended ??= bench.end());
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => void end().then(() => process.exit(130)));
try {
  process.exitCode = await measure();
} finally {
  await end();
}

async function measure(): Promise<number> {
  const sandbox = await bench.sandbox();
  const worker = await bench.worker({ name: "images" });
  const tenant = await makeTenant(worker, "bench");
  await tenant.ask("PUT", "/v1/connections/models", { provider: "openai", baseUrl: `${sandbox.url}/models/v1`, apiKey: "sk-sandbox", model: "sandbox-1" });
  const photographs = await Promise.all([1, 2, 3, 4].map((seed) => photograph(seed)));
  const bytes = photographs.reduce((sum, { length }) => sum + length, 0) / photographs.length;
  console.log(`${count.toLocaleString("en")} photographs of 2000 × 1500 pixels, ${Math.round(bytes / 1000)} KB each, over ${connections} connections`);

  const begun = performance.now();
  const times = await uploadAll(worker, photographs);
  const uploaded = performance.now();
  const pictures = await untilDone(tenant, begun);
  const done = performance.now();

  times.sort((a, b) => a - b);
  const questions = await questionsTo(sandbox.url);
  const complete = pictures.filter(isComplete).length;
  const seconds = (from: number, to: number) => ((to - from) / 1000).toFixed(1);
  console.log(
    `uploads: ${seconds(begun, uploaded)} s, ${Math.round((count / (uploaded - begun)) * 1000)}/s, p50 ${Math.round(times[Math.floor(count / 2)] ?? 0)} ms`,
  );
  console.log(`all done after ${seconds(begun, done)} s: ${((count / (done - begun)) * 1000).toFixed(1)} pictures/s with 2 thumbnails and a text each`);
  console.log(`complete ${complete} of ${count}, questions to the model ${questions}`);
  return complete === count && questions === count ? 0 : 1;
}

/** Noise compresses badly, as grass and hair do. */
function photograph(seed: number): Promise<Buffer> {
  const noise = { type: "gaussian" as const, mean: 90 + seed * 20, sigma: 12 };
  return sharp({ create: { width: 2000, height: 1500, channels: 3, background: "#888", noise } })
    .jpeg({ quality: 70 })
    .withMetadata({ orientation: seed * 2 })
    .toBuffer();
}

async function uploadAll({ url, rootToken }: Started, photographs: readonly Buffer[]): Promise<number[]> {
  const times: number[] = [];
  let next = 0;
  const one = async () => {
    for (let index = next++; index < count; index = next++) {
      const from = performance.now();
      const answer = await fetch(`${url}/v1/media/photos/${index}.jpg`, {
        method: "PUT",
        headers: { authorization: `Bearer ${rootToken}`, "jobyard-tenant": "bench" },
        body: new Uint8Array(photographs[index % photographs.length] ?? []),
      });
      if (!answer.ok) throw new Error(`PUT answered ${answer.status}: ${(await answer.text()).slice(0, 300)}`);
      await answer.arrayBuffer();
      times.push(performance.now() - from);
    }
  };
  await Promise.all(Array.from({ length: connections }, one));
  return times;
}

/** Looks every two seconds; gives up when nothing was completed for a minute. */
async function untilDone(tenant: Tenant, begun: number): Promise<Picture[]> {
  let best = { complete: -1, at: performance.now() };
  for (;;) {
    const pictures = await all(tenant);
    const complete = pictures.filter(isComplete).length;
    if (complete > best.complete) best = { complete, at: performance.now() };
    console.error(`${Math.round((performance.now() - begun) / 1000)} s: ${complete} of ${count} complete`);
    if (complete === count || performance.now() - best.at > 60_000) return pictures;
    await new Promise((resolve) => setTimeout(resolve, 2000));
  }
}

async function all(tenant: Tenant): Promise<Picture[]> {
  const pictures: Picture[] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const page = (await tenant.ask("GET", `/v1/media?limit=200&cursor=${encodeURIComponent(cursor)}`)) as { media: Picture[]; cursor: string | null };
    pictures.push(...page.media);
    cursor = page.cursor;
  }
  return pictures;
}

function isComplete({ variants, altText }: Picture): boolean {
  return variants.length === 2 && altText !== undefined;
}

async function questionsTo(sandboxUrl: string): Promise<number> {
  return ((await (await fetch(`${sandboxUrl}/__effects?provider=models`)).json()) as { total: number }).total;
}
