import { env } from "cloudflare:workers";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import type { Leads } from "../../src/domain/leads/capability";
import { storeSubmission, type Stored } from "../../src/domain/leads/store";
import { lead } from "../../src/jobs/lead/job";
import { runLead } from "../../src/jobs/lead/run";
import { mask } from "../../src/masking/personal";
import type { JobState } from "../../src/queue/state";
import { fakeContext, type FakeOptions } from "./fake-context";

type Settings = Awaited<ReturnType<Leads["project"]>>;

const usual: Settings = { forward: true, ackAfter: "store", reengageHours: 24 };

function bench(tenant: string, more: { settings?: Settings; hook?: boolean; forwarding?: JobState | null } = {}) {
  const counted: { kind: string; follow: Stored["follow"] }[] = [];
  const leads: Leads = {
    local: false,
    project: async () => (more.settings === undefined ? usual : more.settings),
    hasHook: async () => more.hook ?? true,
    store: (request) => storeSubmission(env.DB, { tenant, ...request }),
    forwarding: async () => more.forwarding ?? null,
    count: ({ kind }, { follow }) => void counted.push({ kind, follow }),
  };
  const run = async (payload: object, options: FakeOptions = {}) => {
    const context = fakeContext({ tenant, ...options });
    const outcome = await runLead(v.parse(lead.payload, { project: "homes", ...payload }), { ...context, leads });
    return { outcome, children: context.children, effects: context.effects };
  };
  return { run, counted };
}

const ada = { contact: { email: "ada@example.com", name: "Ada", visitorId: "v1" } };

describe("a new lead", () => {
  test("is stored, told and forwarded, under ids that follow from its own", async () => {
    const { run, counted } = bench("job-new");
    const { outcome, children } = await run(ada, { id: "s1" });
    expect(outcome).toMatchObject({ kind: "done", result: { lead: "s1", follow: "new", forward: "handed on" } });
    expect(children.map(({ type, key }) => [type, key])).toEqual([
      ["event", "event"],
      ["webhook", "forward"],
    ]);
    expect(children[0]?.payload).toMatchObject({ id: "s1", type: "lead.created", data: { id: "s1", email: "ada@example.com", project: "homes", test: false } });
    expect(children[1]?.payload).toMatchObject({
      connection: "make",
      id: "s1",
      about: ["lead:s1"],
      body: { first_name: "Ada", email1: "ada@example.com", is_duplicate: false, test_lead: "no", form_submit_count: 1 },
    });
    if (outcome.kind === "done") outcome.after?.();
    expect(counted).toEqual([{ kind: "lead", follow: "new" }]);
  });

  test("whose run is repeated says the same", async () => {
    const { run } = bench("job-repeat");
    const first = await run(ada, { id: "s1" });
    const second = await run(ada, { id: "s1" });
    expect(second.children).toEqual(first.children);
    expect(second.outcome).toMatchObject({ result: { follow: "new" } });
  });
});

describe("what is not forwarded", () => {
  test.each([
    ["the project only stores", { settings: { ...usual!, forward: false } }, {}],
    ["the project is gone", { settings: null }, {}],
    ["there is no hook", { hook: false }, {}],
  ])("%s: stored and told all the same", async (name, more, payload) => {
    const { outcome, children } = await bench(`job-${name.replaceAll(" ", "-")}`, more).run({ ...ada, ...payload });
    expect(outcome).toMatchObject({ kind: "done", result: { forward: expect.stringContaining("not forwarded") } });
    expect(children.map(({ type }) => type)).toEqual(["event"]);
  });

  test("a robot is stored and nobody hears of it", async () => {
    const { outcome, children } = await bench("job-bot").run({ ...ada, kind: "bot" });
    expect(outcome).toMatchObject({ kind: "done", result: { follow: "new", forward: "not forwarded: a bot" } });
    expect(children).toEqual([]);
  });

  test("the same person again within hours is an update; after them, a lead to forward", async () => {
    const { run } = bench("job-again");
    const at = Date.UTC(2026, 10, 21);
    await run(ada, { id: "s1", at });
    const soon = await run(ada, { id: "s2", at: at + 3600_000 });
    expect(soon.outcome).toMatchObject({ result: { lead: "s1", follow: "none" } });
    expect(soon.children).toMatchObject([{ type: "event", payload: { type: "lead.updated", data: { id: "s1" } } }]);
    const later = await run(ada, { id: "s3", at: at + 25 * 3600_000 });
    expect(later.children).toMatchObject([{ type: "event" }, { type: "webhook", payload: { body: { is_duplicate: true, lead_id: "s1" } } }]);
  });
});

test("what somebody says who comes back is forwarded with what is known, and counts before it", async () => {
  const { run } = bench("job-known", { settings: { ...usual!, name: "Homes on the Hill" } });
  const at = Date.UTC(2026, 10, 21);
  const phone = { phone: "+493012345678", phoneKey: "+493012345678" };
  await run({ contact: { email: "ada@example.com", name: "Ada Bee", visitorId: "v1" } }, { id: "s1", at });
  await run({ contact: { email: "ada@example.com", ...phone } }, { id: "s2", at: at + 1000 });
  const back = await run({ contact: { ...phone, name: "Adele", firstName: "Adele" } }, { id: "s3", at: at + 25 * 3600_000 });
  const known = { email: "ada@example.com", email1: "ada@example.com", phone_mobile: "+493012345678", visitor_id: "v1", project_name: "Homes on the Hill" };
  expect(back.children[1]?.payload).toMatchObject({ body: { ...known, first_name: "Adele", last_name: null, lead_id: "s1" } });
  const nameless = await run({ contact: { email: "ada@example.com" }, form: { projectName: "Flat 3" } }, { id: "s4", at: at + 50 * 3600_000 });
  expect(nameless.children[1]?.payload).toMatchObject({ body: { ...known, first_name: "Adele", project_name: "Flat 3" } });
});

test.each([
  [{ name: "Ann Bee" }, "Ann", "Bee"],
  [{ name: "Ann van der Bee" }, "Ann", "van der Bee"],
  [{ name: "Ann" }, "Ann", null],
  [{ name: "Ann Bee", lastName: "Bee" }, "Ann", "Bee"],
  [{ name: "Bee", lastName: "Bee" }, null, "Bee"],
  [{ name: "Mary Ann", firstName: "Mary Ann" }, "Mary Ann", null],
  [{}, null, null],
])("%j is forwarded as %j and %j", async (name, first, last) => {
  const { children } = await bench(`job-name-${JSON.stringify(name)}`).run({ contact: { email: "ann@example.com", ...name } });
  expect(children[1]?.payload).toMatchObject({ body: { first_name: first, last_name: last, project_name: "homes" } });
});

test("a clock that runs ahead makes no submission the newest for ever", async () => {
  const { run } = bench("job-ahead");
  const at = Date.UTC(2026, 10, 21);
  await run({ ...ada, at: at + 1e9 }, { id: "s1", at });
  const { children } = await run({ contact: { visitorId: "v1", name: "Eve" } }, { id: "s2", at: at + 1000 });
  expect(children).toMatchObject([{ payload: { data: { id: "s1", name: "Eve", submittedAt: "2026-11-21T00:00:01.000Z" } } }]);
});

test("a test lead is forwarded as one", async () => {
  const { children } = await bench("job-test").run({ ...ada, kind: "test" });
  expect(children).toMatchObject([{ payload: { data: { test: true } } }, { payload: { body: { test_lead: "yes" } } }]);
});

describe("acknowledged after forwarding", () => {
  const settings = { ...usual!, ackAfter: "forward" as const };

  test.each([null, "queued", "running", "retrying", "waiting"] as const)("waits while the delivery is %s, and burns nothing", async (forwarding) => {
    const { outcome } = await bench(`job-ack-${forwarding}`, { settings, forwarding }).run(ada, { at: 0, now: 10_000 });
    expect(outcome).toMatchObject({ kind: "wait", until: 15_000 });
  });

  test("is done when the delivery is, and a dead letter when that is", async () => {
    expect((await bench("job-ack-done", { settings, forwarding: "done" }).run(ada)).outcome.kind).toBe("done");
    for (const forwarding of ["dead", "discarded", "cancelled"] as const) {
      expect((await bench(`job-ack-${forwarding}`, { settings, forwarding }).run(ada)).outcome).toMatchObject({
        kind: "discard",
        reason: expect.stringContaining(forwarding),
      });
    }
  });

  test("is done at once when there is nothing to forward", async () => {
    expect((await bench("job-ack-none", { settings, hook: false }).run(ada)).outcome.kind).toBe("done");
  });
});

test("a dry run stores nothing", async () => {
  const { outcome, effects, children } = await bench("job-dry").run(ada, { dryRun: true });
  expect(outcome.kind).toBe("done");
  expect(effects).toMatchObject([{ key: "store", reply: "would do" }]);
  expect(children).toEqual([]);
  expect(await env.DB.prepare("SELECT 1 FROM lead_submissions WHERE tenant = 'job-dry'").first()).toBeNull();
});

test("the payload shows nothing of the person when it is masked", () => {
  const payload = v.parse(lead.payload, {
    project: "homes",
    contact: { email: "ada@example.com", emailKey: "ada@example.com", phone: "+493012345", name: "Ada", visitorId: "visitor-7" },
    form: { message: "secret words", source: "WebSite" },
    request: { ip: "192.0.2.1", userAgent: "Mozilla", referer: "https://a.example/?email=ada", city: "Berlin", country: "DE" },
    extra: { other: "secret words" },
  });
  const shown = JSON.stringify(mask(lead.payload, payload));
  for (const secret of ["ada", "Ada", "+49", "visitor-7", "secret", "192.0.2.1", "Mozilla", "Berlin"]) expect(shown).not.toContain(secret);
  expect(shown).toContain("homes");
});
