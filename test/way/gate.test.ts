import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { Api } from "./support/api.ts";
import { startWay, type Way } from "./support/harness.ts";
import { until, untilAllEnded, untilJob } from "./support/until.ts";

let way: Way;

const parkedJobs = Number(process.env["WAY_PARKED"] ?? 200);
const many = (count: number, at: string) =>
  Array.from({ length: count }, (_, index) => ({ type: "email", payload: { to: `n${index}@${at}.example`, subject: "Hello", text: "Hello" } }));
const callsOf = async (at: string) => (await way.sandbox.calls("?limit=10000")).filter(({ body }) => recipientOf(body).endsWith(`@${at}.example`));
const recipientOf = (body: string) => (JSON.parse(body) as { to: [string] }).to[0];
const stateOf = (tenant: string) =>
  way.rows("SELECT state, attempt, reason, gate, count(*) AS n FROM jobs WHERE tenant = ? GROUP BY 1, 2, 3, 4 ORDER BY 2", tenant);

async function batch(api: Api, jobs: unknown[]): Promise<string[]> {
  const { body } = await api.ask("POST", "/v1/jobs/batch", { body: { jobs } });
  expect(body).toMatchObject({ accepted: jobs.length });
  return body.ids;
}

/** Five failures in a row, which is what opens a circuit. */
async function openCircuit(api: Api, at: string): Promise<void> {
  await way.sandbox.fault({ provider: "mail", status: 503 });
  await batch(api, many(5, at));
  await until("five calls have failed", async () => (await callsOf(at)).length === 5);
}

beforeAll(async () => {
  way = await startWay();
});
afterEach(async () => {
  await way.sandbox.ask("DELETE", "/__faults");
  await way.calm();
});
afterAll(() => way?.close());

test("a provider that is down: the gate opens after five failures, and one probe alone finds out when it is back", async () => {
  const tenant = "half-open";
  // The longest for which jobs keep their messages: the circuit must not half-open by itself while this looks at it.
  const shop = await way.tenant(tenant, { breaker: { failures: 5, openSeconds: 60 } });
  await way.trouble({ longestDelay: 1 });
  await openCircuit(shop, tenant);
  const ids = await batch(shop, many(10, `${tenant}-later`));
  await until("all wait", async () => {
    const states = await stateOf(tenant);
    return (
      JSON.stringify(states) ===
        JSON.stringify([
          { state: "waiting", attempt: 0, reason: "mail: open", gate: null, n: 10 },
          { state: "waiting", attempt: 1, reason: "mail: open", gate: null, n: 5 },
        ]) || states
    );
  });
  // Its message comes each second, and it runs for a moment then.
  expect(await untilJob(shop, ids[0]!, "waiting")).toMatchObject({ attempt: 0, waitingFor: "mail: open" });
  expect([...(await callsOf(tenant)), ...(await callsOf(`${tenant}-later`))]).toHaveLength(5);

  // Still down: one job tries, the others keep waiting, and none of the ten has lost an attempt but the one.
  await way.tick(61_000);
  const all = async () => [...(await callsOf(tenant)), ...(await callsOf(`${tenant}-later`))].toSorted((a, b) => a.id - b.id);
  await until("the probe has failed", async () => (await all()).length === 6 || [(await all()).length, await stateOf(tenant)]);
  await until("the probe's job waits again", async () => (await way.rows("SELECT 1 FROM jobs WHERE tenant = ? AND state = 'waiting'", tenant)).length === 15);
  expect(await all()).toHaveLength(6);

  // Back, but slow: while the probe runs no other job calls it.
  await way.sandbox.ask("DELETE", "/__faults");
  await way.sandbox.fault({ provider: "mail", delayMs: 1000, times: 1 });
  await way.tick(121_000);
  await until("the probe is under way", async () => (await all()).length >= 7 || (await all()).length);
  await way.tick(16_000);
  await untilAllEnded(way, tenant);
  const [probe, next] = (await all()).slice(6);
  expect(Date.parse(next!.at) - Date.parse(probe!.at)).toBeGreaterThanOrEqual(1000);
  expect(await way.sandbox.mails(`?to=${tenant}`)).toHaveLength(15);
});

test(`${parkedJobs} jobs behind an open circuit are parked without messages and come back at the gate's rate`, async () => {
  const tenant = "parked";
  const perSecond = 100;
  const shop = await way.tenant(tenant, { perSecond, breaker: { failures: 5, openSeconds: 600 } });
  await openCircuit(shop, tenant);
  await batch(shop, many(parkedJobs, tenant));
  await until("all are parked", async () => {
    const rows = await way.rows<{ n: number }>(
      "SELECT count(*) AS n FROM jobs WHERE tenant = ? AND state = 'waiting' AND gate = 'mail' AND sent IS NULL",
      tenant,
    );
    return rows[0]?.n === parkedJobs + 5 || (await stateOf(tenant));
  });
  expect(
    await way.rows(
      "SELECT max(attempt) AS attempt FROM jobs WHERE tenant = ? AND id NOT IN (SELECT job FROM history WHERE tenant = ?1 AND event = 'retry')",
      tenant,
    ),
  ).toEqual([{ attempt: 0 }]);
  expect((await way.api.get("/v1/queues")).body.queues.map(({ backlog }: { backlog: number }) => backlog).every((backlog: number) => backlog === 0)).toBe(true);
  await way.tick(60_000);
  expect(await callsOf(tenant)).toHaveLength(5);

  await way.sandbox.ask("DELETE", "/__faults");
  await way.tick(600_000);
  await until("one probe has gone out", async () => (await way.rows("SELECT 1 FROM jobs WHERE tenant = ? AND state = 'done'", tenant)).length === 1);
  expect(await way.sandbox.mails(`?to=@${tenant}.example`)).toHaveLength(1);
  await way.tick(60_000);
  await untilAllEnded(way, tenant, { seconds: 60 + parkedJobs / perSecond, tickEvery: 2000 });
  const mails = await way.sandbox.mails(`?to=@${tenant}.example&limit=10000`);
  expect(mails).toHaveLength(Math.min(10_000, parkedJobs + 5));
  const seconds = Map.groupBy(mails, ({ at }) => at.slice(0, 19));
  // What gathers in a quiet time, and what one second gives.
  expect(Math.max(...[...seconds.values()].map((each) => each.length))).toBeLessThanOrEqual(2.5 * perSecond);
});

test("a noisy tenant behind its gate does not delay the others", async () => {
  const noisy = await way.tenant("noisy", { concurrency: 1, perSecond: 1 });
  const quiet = await way.tenant("quiet");
  await batch(noisy, many(300, "noisy"));
  await untilJob(quiet, await quiet.enqueue("email", many(1, "quiet")[0]!.payload), "done");
  // One a second: were the quiet one behind them, all 300 would be there.
  expect((await way.sandbox.mails("?to=@noisy.example")).length).toBeLessThan(50);
});
