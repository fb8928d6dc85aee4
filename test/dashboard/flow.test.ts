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

  test("of a tenant's own is lifted by it, beside one for all, and names its token", async () => {
    const api = paused(pause("*", "queue", "email-sending"), pause("demo", "queue", "email-sending", "night shift"));
    const html = await (await (await visitor(people.operator, api)).get("/t/demo/flow/email-sending")).text();
    expect(controls(html)).toContain("/t/demo/do/resume-queue");
    expect(html).toContain('<td class="wide">night shift</td>');
    expect(html).not.toContain("t0123");
  });

  test("that is lifted while another one holds goes on for nobody, and the page says so", async () => {
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
