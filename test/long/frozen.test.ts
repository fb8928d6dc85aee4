import { afterAll, beforeAll, expect, test } from "vitest";
import { play, type Playing } from "../scripts/sandbox.ts";
import { type Api, makeTenant } from "../way/support/api.ts";
import { type Kept, Started, startKept } from "../way/support/start.ts";
import { until, untilJob } from "../way/support/until.ts";

let sandbox: Playing;
let started: Started;
let kept: Kept;
let shop: Api;

const mailsTo = (to: string) => sandbox.mails(`?to=${encodeURIComponent(to)}&limit=10000`);

beforeAll(async () => {
  // A world of its own: it must outlive what is killed.
  sandbox = await play();
  started = new Started();
  // Shorter than npm start waits: the Worker freezes four times.
  kept = await startKept(started.stateDir, { maxSilence: 8000 });
  shop = await makeTenant(kept.api, "runtime", sandbox.url);
});
afterAll(async () => {
  await kept?.close();
  await started?.remove();
  await sandbox?.close();
});

test("a job that computes without end: the Worker is started again, that job is dead after its attempts, its neighbours are unharmed", async () => {
  await sandbox.fault({ provider: "mail", delayMs: 1500, times: 2 });
  const neighbours = Array.from({ length: 2 }, (_, index) => [{ do: "mail", to: `neighbour${index}@frozen.example` }]);
  const jobs = [...neighbours, [{ do: "spin" }]].map((steps) => ({ type: "scripted", payload: { steps }, delaySeconds: 1 }));
  const { body } = await shop.ask("POST", "/v1/jobs/batch", { body: { jobs } });
  const frozen = body.ids.pop();
  const count = () => kept.reported.filter((line) => line === "The Worker no longer answers; ending it and starting it again.").length;
  await until("it was started again after each attempt", async () => count() >= 4 || kept.reported);
  expect(await untilJob(shop, frozen, "dead")).toMatchObject({ attempt: 3, error: expect.stringContaining("the Worker died") });
  for (const id of body.ids) expect(await untilJob(shop, id, "done")).toMatchObject({ attempt: 1 });
  expect(await mailsTo("@frozen.example")).toHaveLength(2);
});
