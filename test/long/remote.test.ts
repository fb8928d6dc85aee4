import { afterAll, beforeAll, expect, test } from "vitest";
import { startWay, type Way } from "../way/support/harness.ts";
import { Outside, RemoteWorker, workToken } from "../way/support/remote.ts";
import { until, untilJob } from "../way/support/until.ts";

const count = 2000;
const kills = 10;

let way: Way;
let outside: Outside;

beforeAll(async () => {
  [way, outside] = await Promise.all([startWay(), new Outside().open()]);
});
afterAll(async () => {
  await outside?.close();
  await way?.close();
});

test("2,000 remote jobs, their worker killed ten times: all are done, each effect happened once", async () => {
  const api = await way.tenant("killed");
  const env = { JOBYARD_URL: way.url, JOBYARD_TOKEN: await workToken(way.api, "killed"), OUTSIDE: outside.url, LEASE: "10", CONCURRENCY: "20" };
  const { body } = await api.ask("POST", "/v1/jobs/batch", {
    body: { jobs: Array.from({ length: count }, (_, n) => ({ type: "remote-demo", payload: { n, ms: 5 } })) },
  });
  expect(body.accepted).toBe(count);
  const done = async () => Number((await way.rows<{ n: number }>("SELECT count(*) AS n FROM jobs WHERE tenant = 'killed' AND state = 'done'"))[0]?.n);
  let worker = new RemoteWorker({ ...env, WORKER: "victim-0" });
  for (let kill = 1; kill <= kills; kill++) {
    const atLeast = Math.floor((count * 0.8 * kill) / kills);
    await until(`${atLeast} are done`, async () => (await done()) >= atLeast || worker.output.slice(-500));
    await worker.end("SIGKILL");
    worker = new RemoteWorker({ ...env, WORKER: `victim-${kill}` });
  }
  await until("all are done", async () => (await done()) === count || (await done()), 600, 500);
  await worker.end("SIGTERM");
  expect(outside.acts.size).toBe(count);
  expect([...outside.acts.values()].every((acts) => acts === 1)).toBe(true);
  // Some were begun twice, and the outside system knew their key: that is what the keys are for.
  expect([...outside.calls.values()].reduce((sum, calls) => sum + calls, 0)).toBeGreaterThanOrEqual(count);
  const effects = await way.rows<{ state: string; n: number }>("SELECT state, count(*) AS n FROM effects WHERE tenant = 'killed' GROUP BY 1");
  expect(effects).toEqual([{ state: "done", n: count }]);
  const [left] = await way.rows<{ parked: number; leases: number }>("SELECT (SELECT count(*) FROM parked) AS parked, (SELECT count(*) FROM leases) AS leases");
  expect(left?.parked).toBe(0);
});

test("SIGSTOP beyond the lease: another worker does the job, the first one settles nothing and goes on with others", async () => {
  const api = await way.tenant("stopped");
  const env = { JOBYARD_URL: way.url, JOBYARD_TOKEN: await workToken(way.api, "stopped"), OUTSIDE: outside.url };
  const resultOf = async (id: string) => (await untilJob(api, id, "done"), (await api.get(`/v1/jobs/${id}?reveal=1`)).body);
  const sleeper = new RemoteWorker({ ...env, WORKER: "sleeper", LEASE: "10" });
  const id = await api.enqueue("remote-demo", { hold: true });
  await until("the sleeper has it", async () => outside.held === 1 || sleeper.output);
  sleeper.signal("SIGSTOP");
  await way.tick(15_000);
  outside.release();
  const other = new RemoteWorker({ ...env, WORKER: "other" });
  await until("the other has it", async () => outside.held === 1);
  outside.release();
  expect(await resultOf(id)).toMatchObject({ result: { by: "other" } });
  // Nothing but the sleeper is there for the next ones.
  await other.end("SIGTERM");
  sleeper.signal("SIGCONT");
  const next = await Promise.all(Array.from({ length: 30 }, (_, n) => api.enqueue("remote-demo", { n, ms: 200 })));
  for (const each of next) await untilJob(api, each, "done");
  await until("the sleeper has done one of them", async () => next.some((each) => sleeper.output.includes(`did ${each}`)) || sleeper.output);
  expect(sleeper.output).not.toContain(`did ${id}`);
  expect(outside.acts.get(id)).toBe(1);
  expect(await resultOf(id)).toMatchObject({ result: { by: "other" } });
  await sleeper.end("SIGTERM");
});
