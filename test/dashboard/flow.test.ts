import { describe, expect, test } from "vitest";
import { answersOf } from "./answers";
import { createFakeApi, people } from "./desk";
import { now, visitor } from "./visitor";

const accept = { accept: "text/vnd.jobyard.fragment" };
const pause = (tenant: string, scope: string, name: string, actorName: string | null = null) => ({
  ...{ scope, name, tenant, since: new Date(now).toISOString(), actor: actorName === null ? "root" : "t0123", actorName, reason: "a move" },
});

function paused(...pauses: ReturnType<typeof pause>[]) {
  const api = createFakeApi(now, answersOf({ rows: 1, text: "shop", now }));
  api.answers.set("GET /v1/pauses", { pauses });
  return api;
}

const controls = (html: string) => [...html.matchAll(/action="(\/t\/[^"]+\/do\/(?:pause|resume)-(?:queue|tenant))"/g)].map(([, path]) => path);

describe("a pause", () => {
  test.each(["/t/demo/flow", "/t/demo/flow/email-sending"])("for all tenants has no control on %s for a tenant, which sees whose it is", async (path) => {
    const api = paused(pause("*", "queue", "email-sending"));
    const html = await (await (await visitor(people.operator, api)).get(path)).text();
    expect(controls(html).filter((each) => each?.endsWith("resume-queue") || path.endsWith("sending"))).toEqual([]);
    expect(html).toContain("paused for all tenants by root");
    const root = await (await (await visitor(people.root, api)).get(path)).text();
    expect(controls(root)).toContain("/t/*/do/resume-queue");
    expect(root).toContain("Resume for all tenants");
  });

  test.each(["/t/demo/", "/t/demo/flow", "/t/demo/flow/email-sending"])(
    "for all tenants is lifted on %s by the root token, which is asked first",
    async (path) => {
      const api = paused(pause("*", "queue", "email-sending"));
      const sentence = "The queue email-sending is paused for all tenants since 2026-11-21T12:00:00Z by root: a move.";
      const why = { code: "paused", sentence, since: null, actions: [], tenant: "*" };
      const finding = { ...why, severity: "info", count: 3, subject: "queue/email-sending" };
      api.answers.set("GET /v1/report", { ok: true, findings: [finding] });
      const [queue] = (api.answers.get("GET /v1/queues") as { queues: object[] }).queues;
      api.answers.set("GET /v1/queues", { queues: [{ ...queue, why }] });
      const html = await (await (await visitor(people.root, api)).get(path)).text();
      const forms = html.match(/<dialog[^>]*>(?:(?!<\/dialog>).)*do\/resume-queue.*?<\/dialog>/gs) ?? [];
      expect(forms).toHaveLength({ "/t/demo/": 1, "/t/demo/flow": 2, "/t/demo/flow/email-sending": 3 }[path] ?? 0);
      for (const form of forms) expect(form).toMatch(/Resume for all tenants.*This page is about demo; it is done for <b>all tenants<\/b>/s);
      expect(html.match(/action="\/t\/\*\/do\/resume-queue"/g)).toHaveLength(forms.length);
      const ids = [...html.matchAll(/<dialog id="([^"]+)"/g)].map(([, id]) => id);
      expect(ids.length).toBe(new Set(ids).size);
      expect(controls(await (await (await visitor(people.operator, api)).get(path)).text()).filter((each) => each?.startsWith("/t/*"))).toEqual([]);
    },
  );

  test("of a tenant's own is lifted by it, beside one for all, and names its token", async () => {
    const api = paused(pause("*", "queue", "email-sending"), pause("demo", "queue", "email-sending", "night shift"));
    const html = await (await (await visitor(people.operator, api)).get("/t/demo/flow/email-sending")).text();
    expect(controls(html)).toContain("/t/demo/do/resume-queue");
    expect(html).toContain('<td class="wide">night shift</td>');
    expect(html).not.toContain("t0123");
  });

  test("that is lifted while another one holds lets no job run, and the page says so", async () => {
    const api = paused();
    const { post } = await visitor(people.root, api);
    const resumed = async (tenant: string, answer: object) => {
      api.answers.set("POST /v1/queues/events/resume", { scope: "queue", name: "events", tenant, ...answer });
      return (await post(`/t/${tenant}/do/resume-queue`, { queue: "events" }, accept)).text();
    };
    expect(await resumed("demo", { paused: true, pauses: [pause("*", "queue", "events")] })).toBe("events stays paused for all tenants, by root: a move.");
    expect(await resumed("*", { paused: false, pauses: [pause("acme", "queue", "events")] })).toBe("events goes on, but not for acme: paused by themselves.");
    expect(await resumed("demo", { paused: false, pauses: [] })).toBe("events goes on.");
  });

  test("of a tenant is seen in its settings, which offer to resume it", async () => {
    const html = await (await (await visitor(people.operator, paused(pause("demo", "tenant", "demo")))).get("/t/demo/settings")).text();
    expect(controls(html)).toEqual(["/t/demo/do/resume-tenant"]);
  });
});

test("of all tenants Flow shows the open circuits, each with its tenant and with remedies that act on it", async () => {
  const api = createFakeApi(now, answersOf({ rows: 1, text: "shop", now }));
  const page = async () => (await (await visitor(people.root, api)).get("/t/*/flow")).text();
  const html = await page();
  expect(html).toContain('<tr id="gate-demo-mail0"><td><a href="/t/demo/flow">demo</a></td><td>mail0</td>');
  expect(html).toContain('action="/t/demo/do/probe-gate"');
  expect(api.calls.find(({ path }) => path === "/v1/gates")).toMatchObject({ tenant: null });
  api.answers.set("GET /v1/gates", { gates: [], cursor: null });
  expect(await page()).toContain("No open circuit holds jobs of any tenant.");
});
