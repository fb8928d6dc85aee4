import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { root, secrets } from "../way/support/config.ts";
import { Started } from "../way/support/start.ts";
import { until } from "../way/support/until.ts";

const started = new Started();
let exports: string;

beforeAll(async () => {
  await started.up();
  exports = [...started.printed.matchAll(/^ *export .+$/gm)].map(([line]) => line.trim()).join("\n");
});
afterAll(() => started.remove());

test("the start prints what the blocks need", () => {
  expect(exports).toMatch(/^export URL=http:\S+ SANDBOX=http:\S+\nexport TOKEN=jy_\S+$/);
});

test("README.md: its blocks send two mails, whichever of them the provider refuses at first", async () => {
  const answers = await run("README.md");
  const ids = [...answers.matchAll(/"id":"(\w+)","type":"email","state":"queued"/g)].map(([, id = ""]) => id);
  expect(ids).toHaveLength(2);
  const demo = started.api.forTenant("demo");
  await until("one was refused", async () => (await Promise.all(ids.map((id) => demo.job(id)))).some(({ state }) => state === "retrying"));
  for (const id of ids) await demo.ask("POST", `/v1/jobs/${id}/run-now`);
  await until("both are sent", async () => (await started.sandbox.get("/__mailbox?to=you@example.com")).body.mails.length === 2);
});

test("docs/tenants.md: its blocks make a tenant whose schedule sends a mail", async () => {
  await started.sandbox.ask("DELETE", "/__faults");
  const answers = await run("docs/tenants.md");
  expect(answers).toContain('"tenant":"acme"');
  expect(answers).toContain("here is the report of Monday");
  await until("the report is sent", async () => JSON.stringify((await started.sandbox.get("/__mailbox?to=ops@acme.example")).body.mails).includes("Monday"));
});

test("docs/sandbox.md: its calls set eight faults and make a shop", async () => {
  const answers = await run("docs/sandbox.md");
  expect(answers.match(/\{"id":"f\d+"\}/g)).toHaveLength(8);
  expect(answers).toContain('"ok":true');
  expect((await started.sandbox.get("/__faults")).body).toEqual({ faults: [] });
});

/** Runs a page's calls in their order, those in tables before the blocks; any answer from 400 on ends it with an error. */
async function run(page: string): Promise<string> {
  const text = readFileSync(join(root, page), "utf8");
  const cells = [...text.matchAll(/\| `(curl [^`]+)` \|$/gm)].map(([, call = ""]) => call);
  const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block = ""]) => block).filter((block) => !/^(git|npm) /m.test(block));
  expect(blocks.length, `${page} has blocks`).toBeGreaterThan(0);
  const strict = 'set -euo pipefail; curl() { command curl --fail-with-body --silent --show-error --max-time 120 "$@"; echo; }';
  return shell([strict, exports, ...cells, ...blocks].join("\n"));
}

function shell(script: string): Promise<string> {
  const child = spawn("bash", ["-c", script], { cwd: root, env: { ...process.env, ROOT_TOKEN: secrets.ROOT_TOKEN }, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => (code === 0 ? resolve(output) : reject(new Error(`exit ${code}: ${output.slice(-1500)}`))));
  });
}
