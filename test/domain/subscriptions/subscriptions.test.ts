import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { signingSecrets } from "../../../src/domain/destinations/sealed-endpoint";
import { subscriptionSchema } from "../../../src/domain/subscriptions/model";
import { createSubscriptionStore } from "../../../src/domain/subscriptions/store";
import { createEndedJobs } from "../../../src/intake/tick/publish-ended-jobs";
import { webhook } from "../../../src/jobs/webhook/job";
import { job } from "../../../src/queue/job";
import { done } from "../../../src/queue/outcome";
import { queuedNow } from "../../../src/queue/placement";
import { check } from "../../../src/queue/validate";
import { parseKeyRing } from "../../../src/tenants/keys";
import { createVault } from "../../../src/tenants/vault";
import { createEngineBench } from "../../support/engine";
import { recordingDb } from "../../support/recorder";
import { scripted } from "../../support/scripted";

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const store = createSubscriptionStore({
  db: env.DB,
  vault: createVault(parseKeyRing("ENCRYPTION_KEYS", env.ENCRYPTION_KEYS)),
  rules: { allowLocal: false, ownHosts: ["jobs.example.com"] },
  changed: async () => undefined,
});

let count = 0;
let tenant = "";
let sent: { id: string; type: string; data: Record<string, unknown> }[] = [];

function world() {
  const run = async (payload: { script: { do: string; reason?: string }[] }) => {
    const [step] = payload.script;
    if (step?.do === "throw") throw new Error(String(step.reason ?? "scripted"));
    return done({ secret: "ada@example.com" });
  };
  const deliver = async (payload: { body: unknown }) => (sent.push(payload.body as never), done({ status: 200, response: "" }));
  const bench = createEngineBench({ jobs: [job(scripted, run as never), job({ ...webhook, needs: [] } as never, deliver as never)] });
  const ended = createEndedJobs(env.DB, () => bench.engine);
  return { bench, ended };
}

type World = ReturnType<typeof world>;

async function act({ bench, ended }: World, step: object) {
  const id = await bench.acceptOne({ tenant, payload: { script: [step], entity: "lead:1" } });
  await bench.deliverAll();
  await ended.publish(tenant);
  await bench.deliverAll();
  return id;
}

const subscribe = (name: string, events: string[]) => store.put(tenant, name, { url: "https://saas.example.com/in", secret, events }, 5);
const outbox = async () => (await env.DB.prepare("SELECT * FROM ended_jobs WHERE tenant = ?").bind(tenant).all()).results;

beforeEach(async () => {
  tenant = `subs-${++count}`;
  sent = [];
  await env.DB.prepare("DELETE FROM ended_jobs").run();
  await env.DB.prepare("INSERT INTO tenants (tenant, name, timezone, settings, created, updated) VALUES (?, 't', 'UTC', '{}', 0, 0)").bind(tenant).run();
});

describe("a subscription", () => {
  const good = { url: "https://saas.example.com/in", secret, events: ["job.done"] };
  test.each<[object, string[]]>([
    [{}, ["events", "secret", "url"]],
    [{ ...good, events: [] }, ["events"]],
    [{ ...good, events: ["a b"] }, ["events[0]"]],
    [{ ...good, secret: "short" }, ["secret"]],
    [{ ...good, secret: "" }, ["secret"]],
    [{ ...good, more: 1 }, ["more"]],
  ])("%j is wrong in %j", (body, paths) => {
    const checked = check(subscriptionSchema, body);
    expect(checked.ok ? [] : checked.issues.map(({ path }) => path).toSorted()).toEqual(paths);
  });

  test.each(["http://saas.example.com/", "https://127.0.0.1/", "https://jobs.example.com/v1/events"])("%s is no address for it", async (url) => {
    await expect(store.put(tenant, "x", { ...good, url }, 1)).rejects.toMatchObject({ code: "invalid", errors: [{ path: "url" }] });
  });

  test("shows neither address nor secret, and opens for its own tenant only", async () => {
    const { subscription, created } = await store.put(tenant, "saas", good, 5);
    expect([created, JSON.stringify([subscription, await store.list(tenant)]).includes("MfKQ"), subscription.host]).toEqual([true, false, "saas.example.com"]);
    expect(await store.open(tenant, "saas")).toEqual({ ok: true, value: { url: good.url, secret } });
    expect((await store.open("other", "saas")).ok).toBe(false);
    expect(await store.retire(tenant, "saas", { reason: "gone (410)", since: 6, at: 7 })).toBe(true);
    expect(await store.get(tenant, "saas")).toMatchObject({ retired: "gone (410)", retiredAt: 7 });
    expect(await store.open(tenant, "saas")).toEqual({ ok: false, reason: "gone (410)" });
    expect((await store.put(tenant, "saas", good, 8)).subscription).toMatchObject({ retired: null, retiredAt: null });
    // What was sent before it was set again proves nothing about what is set now.
    expect(await store.retire(tenant, "saas", { reason: "gone (410)", since: 7, at: 9 })).toBe(false);
    expect([await store.remove(tenant, "saas"), await store.remove(tenant, "saas")]).toEqual([true, false]);
  });

  test("a secret that is replaced signs for a day more", async () => {
    const day = 24 * 3600_000;
    const other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const signing = async (now: number) => {
      const opened = await store.open(tenant, "saas");
      return opened.ok ? signingSecrets(opened.value, now) : [];
    };
    await store.put(tenant, "saas", good, 5);
    expect(await signing(5)).toEqual([secret]);
    await store.put(tenant, "saas", { ...good, secret: other }, 10);
    // The address alone: the change of the secret goes on.
    await store.put(tenant, "saas", { ...good, secret: other, url: "https://saas.example.com/two" }, 20);
    expect([await signing(10 + day - 1), await signing(10 + day)]).toEqual([[other, secret], [other]]);
  });

  test("a tenant may have twenty", async () => {
    for (let index = 0; index < 20; index++) await subscribe(`s-${index}`, ["job.done"]);
    await expect(subscribe("one-more", ["job.done"])).rejects.toMatchObject({ code: "invalid" });
    await subscribe("s-3", ["job.dead"]);
  });
});

describe("the end of a job", () => {
  test("is sent once to each subscription for it, with the result masked", async () => {
    const here = world();
    await subscribe("saas", ["job.done"]);
    await subscribe("ops", ["job.dead"]);
    const id = await act(here, { do: "done" });
    await here.ended.publish(tenant);
    await here.bench.deliverAll();
    expect(sent).toEqual([
      { id: `${id}.0`, type: "job.done", timestamp: expect.any(String), data: { id, type: "scripted", state: "done", result: { secret: "•••" } } },
    ]);
    expect(await outbox()).toEqual([]);
  });

  test("of a dead letter says why, and a replay ends again under another id", async () => {
    const here = world();
    await subscribe("ops", ["job.dead", "job.done"]);
    const id = await act(here, { do: "throw", reason: "no such host" });
    expect(sent.map(({ type, data }) => [type, data["state"], data["reason"]])).toEqual([["job.dead", "dead", expect.stringContaining("no such host")]]);
    await here.bench.engine.ledger.revive(
      [{ tenant, id }],
      { event: "retried", from: ["dead"], boot: "", place: queuedNow(here.bench.now()) },
      here.bench.now(),
    );
    expect(await outbox()).toEqual([]);
  });

  test("without a subscription leaves no row and no message", async () => {
    const here = world();
    await subscribe("leads", ["lead.created"]);
    await act(here, { do: "done" });
    expect([sent, await outbox()]).toEqual([[], []]);
  });

  test("of a delivery to a subscription is not sent; that of any other hook is", async () => {
    const here = world();
    await subscribe("saas", ["job.done"]);
    await here.bench.accept([
      { tenant, type: "webhook", internal: true, payload: { subscription: "saas", body: { id: "own" } } },
      { tenant, type: "webhook", payload: { url: "https://x.example.com/", body: { id: "other" } } },
    ]);
    await here.bench.deliverAll();
    await here.ended.publish(tenant);
    await here.bench.deliverAll();
    await here.ended.publish(tenant);
    await here.bench.deliverAll();
    expect(sent.filter(({ type }) => type === "job.done").map(({ data }) => data["type"])).toEqual(["webhook"]);
  });

  test("of a delivery whose payload lies in R2 is not sent either", async () => {
    const here = world();
    await subscribe("saas", ["job.done"]);
    await here.bench.accept([{ tenant, type: "webhook", internal: true, payload: { subscription: "saas", body: { id: "own", text: "x".repeat(100_000) } } }]);
    await here.bench.deliverAll();
    expect([sent.length, await outbox()]).toEqual([1, []]);
  });

  test.each<[string, string[], number]>([
    ["no subscription", [], 3],
    ["a subscription to events", ["lead.created"], 3],
    ["a subscription to jobs that end", ["job.done"], 4],
  ])("writes a row only if a subscription names its event: %s", async (_what, events, rows) => {
    const { db, counts } = recordingDb();
    const here = createEngineBench({ db, jobs: [job(scripted, async () => done())] });
    if (events.length > 0) await subscribe("saas", events);
    await here.acceptOne({ tenant, payload: { script: [] } });
    await here.deliverAll();
    expect(counts.written).toBe(rows);
  });

  test("that was not sent when the Worker died is sent by the tick, once", async () => {
    const here = world();
    await subscribe("saas", ["job.done"]);
    await here.bench.acceptOne({ tenant, payload: { script: [{ do: "done" }] } });
    await here.bench.deliverAll();
    const row = (await outbox())[0] as { tenant: string; job: string; seq: number; state: string; at: number };
    // Accepted, and dead before the row was taken away: the same row again.
    await here.ended.publish(null);
    await env.DB.prepare("INSERT INTO ended_jobs (tenant, job, seq, state, at) VALUES (?, ?, ?, ?, ?)")
      .bind(row.tenant, row.job, row.seq, row.state, row.at)
      .run();
    await here.ended.publish(null);
    await here.bench.deliverAll();
    expect(sent).toHaveLength(1);
  });

  test("that one tenant's quota refuses holds back no event of another tenant", async () => {
    const here = world();
    const names = ["crowd-a", "crowd-b"];
    for (const name of names) {
      await env.DB.prepare("INSERT INTO tenants (tenant, name, timezone, settings, created, updated) VALUES (?, 't', 'UTC', '{}', 0, 0)").bind(name).run();
      await store.put(name, "saas", { url: "https://saas.example.com/in", secret, events: ["job.done"] }, 5);
      await here.bench.acceptOne({ tenant: name, payload: { script: [{ do: "done" }] } });
    }
    await here.bench.deliverAll();
    here.bench.engine.quota = {
      isSet: async (owner) => owner === "crowd-a",
      take: async (owner, wanted) => ({ granted: owner === "crowd-a" ? 0 : wanted, retryAfter: 60 }),
    };
    await here.ended.publish(null);
    await here.bench.deliverAll();
    const left = await env.DB.prepare("SELECT tenant FROM ended_jobs").all<{ tenant: string }>();
    expect([sent.length, left.results.map(({ tenant: owner }) => owner)]).toEqual([1, ["crowd-a"]]);
  });

  test("stays while nothing takes the delivery", async () => {
    const here = world();
    await subscribe("saas", ["job.done"]);
    await here.bench.acceptOne({ tenant, payload: { script: [{ do: "done" }] } });
    await here.bench.deliverAll();
    here.bench.faults.send = true;
    here.bench.faults.ledger = (call) => call === "insertKeyed";
    await here.ended.publish(tenant);
    expect(await outbox()).toHaveLength(1);
    here.bench.faults.send = false;
    here.bench.faults.ledger = false;
    await here.ended.publish(tenant);
    await here.bench.deliverAll();
    expect([sent.length, await outbox()]).toEqual([1, []]);
  });

  test("of a cancelled job", async () => {
    const here = world();
    await subscribe("saas", ["job.cancelled"]);
    const id = await here.bench.acceptOne({ tenant, payload: { script: [{ do: "done" }] }, delaySeconds: 3600 });
    await here.bench.engine.ledger.cancel({ tenant, id }, here.bench.now());
    expect(await here.ended.publish(tenant)).toBe(1);
  });
});
