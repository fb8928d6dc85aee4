import { env } from "cloudflare:workers";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import type { Leads } from "../../src/domain/leads/capability";
import { storeSubmission, type Stored } from "../../src/domain/leads/store";
import { lead } from "../../src/jobs/lead/job";
import { runLead } from "../../src/jobs/lead/run";
import { mask } from "../../src/masking/personal";
import type { InputOf } from "../../src/queue/job";
import type { JobState } from "../../src/queue/state";
import { cutOffOnce, type WorkedJob, workJob, type WorkOptions } from "../support/work-job";

type Settings = Awaited<ReturnType<Leads["project"]>>;

const usual: Settings = { forward: true, ackAfter: "store", reengageHours: 24 };

function agency(tenant: string, more: { settings?: Settings; hook?: boolean; forwarding?: JobState | null } = {}) {
  const counted: { kind: string; follow: Stored["follow"] }[] = [];
  const leads: Leads = {
    local: false,
    project: async () => (more.settings === undefined ? usual : more.settings),
    hasHook: async () => more.hook ?? true,
    store: (request) => storeSubmission(env.DB, { tenant, ...request }),
    forwarding: async () => more.forwarding ?? null,
    count: ({ kind }, { follow }) => void counted.push({ kind, follow }),
  };
  const work = (payload: object, options: WorkOptions<typeof lead> = {}, run = runLead) =>
    workJob(lead, run, { project: "homes", ...payload } as InputOf<typeof lead>, { tenant, capabilities: { leads }, ...options });
  return { work, counted };
}

/** What Make.com is to be sent of the lead. */
const forwardOf = (job: WorkedJob) => job.children.find(({ type }) => type === "webhook")?.payload as { body: object } | undefined;

const ada = { contact: { email: "ada@example.com", name: "Ada", visitorId: "v1" } };

describe("a new lead", () => {
  test("is stored, published and forwarded, under ids derived from its own", async () => {
    const { work, counted } = agency("job-new");
    const job = await work(ada);
    const { id } = job;
    expect(job).toBeDone({ lead: id, follow: "new", forward: "handed on" });
    expect(job).toHaveEnqueued(
      { type: "event", payload: { id, type: "lead.created", data: { id, email: "ada@example.com", project: "homes", test: false } } },
      {
        type: "webhook",
        payload: {
          connection: "make",
          id,
          about: [`lead:${id}`],
          body: { first_name: "Ada", email1: "ada@example.com", is_duplicate: false, test_lead: "no", form_submit_count: 1 },
        },
      },
    );
    expect(counted).toEqual([{ kind: "lead", follow: "new" }]);
  });

  test("whose run is repeated has the same result, and publishes and forwards nothing twice", async () => {
    const { work, counted } = agency("job-repeat");
    const first = await work(ada, {}, cutOffOnce(runLead));
    expect(first).toBeRetried(/cut off/);
    const second = await first.next();
    expect(second).toBeDone({ lead: first.id, follow: "new" });
    expect(second.children).toEqual(first.children);
    expect(counted).toEqual([{ kind: "lead", follow: "new" }]);
  });
});

describe("what is not forwarded", () => {
  test.each([
    ["the project only stores", { settings: { ...usual!, forward: false } }],
    ["the project is gone", { settings: null }],
    ["there is no hook", { hook: false }],
  ])("%s: stored and published all the same", async (name, more) => {
    const job = await agency(`job-${name.replaceAll(" ", "-")}`, more).work(ada);
    expect(job).toBeDone({ forward: expect.stringContaining("not forwarded") });
    expect(job).toHaveEnqueued({ type: "event" });
  });

  test("a lead of a bot is stored, and neither published nor forwarded", async () => {
    const job = await agency("job-bot").work({ ...ada, kind: "bot" });
    expect(job).toBeDone({ follow: "new", forward: "not forwarded: a bot" });
    expect(job).toHaveEnqueued();
  });

  test("the same person again within hours is an update; after them, a lead to forward", async () => {
    const { work } = agency("job-again");
    const start = Date.UTC(2026, 10, 21);
    const { id } = await work(ada, { start });
    const soon = await work(ada, { start: start + 3600_000 });
    expect(soon).toBeDone({ lead: id, follow: "none" });
    expect(soon).toHaveEnqueued({ type: "event", payload: { type: "lead.updated", data: { id } } });
    const later = await work(ada, { start: start + 25 * 3600_000 });
    expect(later).toHaveEnqueued({ type: "event" }, { type: "webhook", payload: { body: { is_duplicate: true, lead_id: id } } });
  });
});

test("a returning person's new fields are forwarded with the stored ones, and take precedence", async () => {
  const { work } = agency("job-known", { settings: { ...usual!, name: "Homes on the Hill" } });
  const start = Date.UTC(2026, 10, 21);
  const phone = { phone: "+493012345678", phoneKey: "+493012345678" };
  const { id } = await work({ contact: { email: "ada@example.com", name: "Ada Bee", visitorId: "v1" } }, { start });
  await work({ contact: { email: "ada@example.com", ...phone } }, { start: start + 1000 });
  const back = await work({ contact: { ...phone, name: "Adele", firstName: "Adele" } }, { start: start + 25 * 3600_000 });
  const known = { email: "ada@example.com", email1: "ada@example.com", phone_mobile: "+493012345678", visitor_id: "v1", project_name: "Homes on the Hill" };
  expect(forwardOf(back)?.body).toMatchObject({ ...known, first_name: "Adele", last_name: null, lead_id: id });
  const nameless = await work({ contact: { email: "ada@example.com" }, form: { projectName: "Flat 3" } }, { start: start + 50 * 3600_000 });
  expect(forwardOf(nameless)?.body).toMatchObject({ ...known, first_name: "Adele", project_name: "Flat 3" });
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
  const job = await agency(`job-name-${JSON.stringify(name).replaceAll(/\W+/g, "-").toLowerCase()}`).work({ contact: { email: "ann@example.com", ...name } });
  expect(forwardOf(job)?.body).toMatchObject({ first_name: first, last_name: last, project_name: "homes" });
});

test("a clock that runs ahead makes no submission the newest for ever", async () => {
  const { work } = agency("job-ahead");
  const start = Date.UTC(2026, 10, 21);
  const { id } = await work({ ...ada, at: start + 1e9 }, { start });
  const job = await work({ contact: { visitorId: "v1", name: "Eve" } }, { start: start + 1000 });
  expect(job).toHaveEnqueued({ type: "event", payload: { data: { id, name: "Eve", submittedAt: "2026-11-21T00:00:01.000Z" } } });
});

test("a test lead is forwarded as one", async () => {
  const job = await agency("job-test").work({ ...ada, kind: "test" });
  expect(job).toHaveEnqueued({ type: "event", payload: { data: { test: true } } }, { type: "webhook", payload: { body: { test_lead: "yes" } } });
});

describe("acknowledged after forwarding", () => {
  const settings = { ...usual!, ackAfter: "forward" as const };

  test.each([null, "queued", "running", "retrying", "waiting"] as const)("waits while the delivery is %s, and counts no attempt", async (forwarding) => {
    const job = await agency(`job-ack-${forwarding}`, { settings, forwarding }).work(ada);
    expect(job).toHaveWaited("stored; its forwarding is under way", 2);
    job.bench.advance(10_000);
    expect(await job.next()).toHaveWaited("stored; its forwarding is under way", 5);
  });

  test("is done when the delivery is, and a dead letter when that is", async () => {
    expect(await agency("job-ack-done", { settings, forwarding: "done" }).work(ada)).toBeDone();
    for (const forwarding of ["dead", "discarded", "cancelled"] as const) {
      expect(await agency(`job-ack-${forwarding}`, { settings, forwarding }).work(ada)).toBeDiscarded(new RegExp(forwarding));
    }
  });

  test("is done at once when there is nothing to forward", async () => {
    expect(await agency("job-ack-none", { settings, hook: false }).work(ada)).toBeDone();
  });
});

test("a dry run stores nothing", async () => {
  const job = await agency("job-dry").work(ada, { dryRun: true });
  expect(job).toBeDone();
  expect(job).toHavePlanned("store");
  expect(job).toHaveEnqueued();
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
