import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createCapabilities } from "../../../src/app/capabilities";
import { createMediaDeps } from "../../../src/app/media";
import { createStores } from "../../../src/app/stores";
import { builtIn } from "../../../src/domain/destinations/model";
import type { WorkerEnv } from "../../../src/env";
import { jobs } from "../../../src/jobs";
import { createPayloads } from "../../../src/ledger/payloads";
import { verify } from "../../../src/standard-webhooks";
import { createGates } from "../../../src/tenants/gates";
import { type Answer, stubFetch } from "../../providers/fetch-stub";
import { createEngineBench, idOf } from "../../support/engine";
import { jobOf, jobsOf } from "../../support/jobs-of";

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const stores = createStores(env as unknown as WorkerEnv);
let count = 0;
let tenant = "";
let logged: string[] = [];

/** The real router, deliveries and settings; only what answers outside is made up. */
function world(...answers: Answer[]) {
  const seen = stubFetch(...answers);
  const wanted = ["event", "slack", "webhook"];
  const bench = createEngineBench({
    jobs: jobs.filter(({ contract }) => wanted.includes(contract.type)),
    capabilities: (names, scope) =>
      createCapabilities({
        env: env as unknown as WorkerEnv,
        stores,
        ledger: bench.engine.ledger,
        counters: { add: () => undefined },
        gates: createGates(env.GATE as never, async () => ({})),
        media: createMediaDeps(env as unknown as WorkerEnv, bench.now),
        payloads: createPayloads(env.PAYLOADS),
        now: bench.now,
        defer: bench.engine.defer,
        engine: () => bench.engine,
      })(names, scope),
  });
  return { bench, seen };
}

type World = ReturnType<typeof world>;

async function send({ bench }: World) {
  const payload = { id: `evt-${++count}`, type: "order.created", data: { siteId: "main", orderId: 1 } };
  const id = idOf((await bench.accept([{ tenant, type: "event", payload }]))[0]);
  bench.advance(10);
  await bench.deliverAll();
  return id;
}

const dead = () => jobsOf(tenant, { state: "discarded" });
const skipped = async (id: string) => {
  const { destinations } = JSON.parse((await jobOf(tenant, id)).result ?? "{}") as { destinations: { name: string; skipped?: string }[] };
  return destinations.map(({ name, skipped: reason }) => [name, reason ?? "served"]);
};

beforeEach(async () => {
  tenant = `retire-${++count}`;
  logged = [];
  vi.spyOn(console, "error").mockImplementation((line: string) => void logged.push(line));
  await stores.tenants.put(tenant, { name: "t" }, 5);
});
afterEach(() => void (vi.unstubAllGlobals(), vi.restoreAllMocks()));

const connect = (now: number) => stores.connections.put(tenant, "slack", { provider: "slack", url: "https://hooks.slack.com/services/T0/B0/s3cret" }, now);
const toSlack = () => stores.destinations.put(tenant, "slack", { enabled: true, events: ["order.created"] }, 5);
const toErp = (now: number) => stores.destinations.put(tenant, "erp", { enabled: true, events: ["*"], url: "https://erp.example.com/in" }, now);
const subscribe = (now: number) => stores.subscriptions.put(tenant, "saas", { url: "https://saas.example.com/in", secret, events: ["*"] }, now);
const noService = () => new Response("no_service", { status: 404 });

describe("Slack's last word", () => {
  test("is one dead letter; later events leave Slack out with the reason, until it is set again", async () => {
    const here = world(noService, new Response("ok"));
    await connect(5);
    await toSlack();
    await send(here);
    const id = await send(here);
    expect([(await dead()).map(({ type, reason }) => [type, reason]), here.seen.length]).toEqual([[["slack", "Slack: 404 no_service"]], 1]);
    expect(await skipped(id)).toEqual([["slack", "the receiver wants no more until it is set again: Slack: 404 no_service"]]);
    expect(await stores.destinations.get(tenant, "slack")).toMatchObject({ retired: "Slack: 404 no_service", retiredAt: expect.any(Number), enabled: true });

    await toSlack();
    expect(await skipped(await send(here))).toEqual([["slack", "served"]]);
    expect(here.seen.length).toBe(2);
  });

  test("counts for a destination that the tenant never touched, and no more when the connection is set anew", async () => {
    const here = world(new Response("channel_is_archived", { status: 410 }));
    await connect(5);
    await here.bench.accept([{ tenant, type: "slack", payload: { text: "a" } }]);
    await here.bench.deliverAll();
    expect(await stores.destinations.get(tenant, "slack")).toMatchObject({
      builtIn: true,
      retired: "Slack: 410 channel_is_archived",
      events: [...builtIn.slack.events],
    });
    await connect(here.bench.now());
    expect(await stores.destinations.get(tenant, "slack")).toMatchObject({ retired: null, retiredAt: null });
  });

  test("about an address that was replaced meanwhile says nothing of the new one", async () => {
    const here = world(async () => {
      await connect(here.bench.now() + 1);
      return noService();
    });
    await connect(5);
    await toSlack();
    await send(here);
    expect([(await dead()).length, await stores.destinations.get(tenant, "slack")]).toMatchObject([1, { retired: null }]);
  });

  test("is in the audit, once, and in the log without the address", async () => {
    const here = world(noService);
    await connect(5);
    await here.bench.accept([1, 2].map(() => ({ tenant, type: "slack", payload: { text: "a" } })));
    await here.bench.deliverAll();
    const audited = await here.bench.all("SELECT actor, action, target FROM audit WHERE tenant = ?", tenant);
    expect(audited).toEqual([{ actor: expect.stringMatching(/^job /), action: "retire", target: "destination/slack" }]);
    expect(logged.filter((line) => line.includes("switched off: Slack: 404 no_service"))).toHaveLength(1);
    expect(logged.join()).not.toContain("s3cret");
  });
});

test("a rule of the workspace is a dead letter each time: it may mean this message alone", async () => {
  const here = world(new Response("action_prohibited", { status: 403 }));
  await connect(5);
  await toSlack();
  await send(here);
  await send(here);
  expect((await dead()).length).toBe(2);
});

test("410 switches off a destination and a subscription, each with its own dead letter", async () => {
  const here = world(() => new Response("gone", { status: 410 }));
  await toErp(5);
  await subscribe(5);
  await send(here);
  const id = await send(here);
  expect([(await dead()).length, here.seen.length]).toEqual([2, 2]);
  const reason = "the receiver wants no more until it is set again: webhook: 410";
  expect(await skipped(id)).toEqual([
    ["erp", reason],
    ["subscription:saas", reason],
  ]);
  expect([await stores.destinations.get(tenant, "erp"), await stores.subscriptions.get(tenant, "saas")]).toMatchObject([
    { retired: "webhook: 410" },
    { retired: "webhook: 410" },
  ]);
  await toErp(here.bench.now());
  await subscribe(here.bench.now());
  stubFetch(new Response("ok"));
  expect(await skipped(await send(here))).toEqual([
    ["erp", "served"],
    ["subscription:saas", "served"],
  ]);
});

test("while a secret is changed a delivery carries both signatures, and either is believed", async () => {
  const here = world(new Response("ok"));
  const other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
  await subscribe(5);
  await stores.subscriptions.put(tenant, "saas", { url: "https://saas.example.com/in", secret: other, events: ["*"] }, here.bench.now());
  await send(here);
  const [call] = here.seen;
  const bytes = new TextEncoder().encode(call?.body);
  const verdicts = await Promise.all([secret, other].map((each) => verify(each, call?.headers ?? new Headers(), bytes, here.bench.now())));
  expect(verdicts.map(({ ok }) => ok)).toEqual([true, true]);
});

test.each(["http://erp.example.com/", "https://127.0.0.1/", "https://169.254.169.254/latest/meta-data/", "https://[::ffff:10.0.0.1]/", "https://2130706433/"])(
  "a bare address that may not be called is never called: %s",
  async (url) => {
    const here = world(new Response("ok"));
    await here.bench.accept([{ tenant, type: "webhook", payload: { url, body: {} } }]);
    await here.bench.deliverAll();
    expect([(await dead()).length, here.seen.length]).toEqual([1, 0]);
  },
);

test("an address that was allowed when it was set is looked at again when it is called", async () => {
  const here = world(new Response("ok"));
  await toErp(5);
  stores.rules.ownHosts = ["erp.example.com"];
  await send(here);
  stores.rules.ownHosts = [];
  expect([(await dead()).map(({ reason }) => reason), here.seen.length]).toEqual([
    ["webhook: the address must not point back to this service (erp.example.com)"],
    0,
  ]);
});
