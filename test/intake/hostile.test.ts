import { beforeAll, describe, expect, test } from "vitest";
import { routes } from "../../src/intake/routes";
import { createIntakeBench, root } from "./bench";

const bench = createIntakeBench();
const tenant = "hostile";
beforeAll(async () => void (await bench.tenant(tenant)));

const unknownFields = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`u${index}`, 1]));

async function answerTo(method: string, path: string, body: string, headers: Record<string, string> = {}) {
  const { status, text, body: answer } = await bench.call(method, path, { token: root, tenant, body, headers });
  return { status, answer, excess: text.length - 2 * body.length - 20_000 };
}

describe("an answer is at most twice as long as its request and 20,000 characters", () => {
  const bodies: [string, unknown][] = [
    ["unknown fields", unknownFields(20_000)],
    ["one long name", { ["x".repeat(200_000)]: 1 }],
    ["texts that cannot be stored under a long name", { ["x".repeat(50_000)]: Array(200).fill("\ud800") }],
    ["a list", Array(50_000).fill("x")],
    ["nothing", {}],
    ["depth", JSON.parse(`${'{"a":'.repeat(70)}1${"}".repeat(70)}`)],
  ];
  const withBody = routes.filter(({ body, scope }) => body && scope !== "public");

  test.each(withBody.map(({ method, path }) => [method, path] as const))("%s %s", async (method, path) => {
    const address = path.replace(/:(\w+)\+?/g, (_, name: string) => (name === "name" ? "mail" : name === "tenant" ? tenant : "x"));
    for (const [what, body] of bodies) {
      const { status, excess } = await answerTo(method, address, JSON.stringify(body));
      expect(excess, what).toBeLessThanOrEqual(0);
      expect(status, what).toBeLessThan(500);
    }
  });
});

describe("a batch", () => {
  test.each<[string, unknown[]]>([
    ["of 10,000 numbers", Array(10_000).fill(0)],
    ["of 2,000 jobs with 120 unknown fields each", Array(2000).fill({ type: "email", payload: unknownFields(120) })],
    ["of 10,000 jobs of no type", Array(10_000).fill({ type: "x", payload: {} })],
    ["of one wrong job", [{ type: "note", payload: { text: 1 } }]],
  ])("%s is answered in bounds, with the first refusals in full and a null for each", async (_what, jobs) => {
    const { status, answer, excess } = await answerTo("POST", "/v1/jobs/batch", JSON.stringify({ jobs }));
    expect([status, excess <= 0]).toEqual([202, true]);
    expect(answer.ids).toEqual(Array(jobs.length).fill(null));
    expect(answer.rejected.length + (answer.unlisted ?? 0)).toBe(jobs.length);
    expect(answer.rejected[0].errors.length).toBeGreaterThan(0);
    const issues = answer.rejected.reduce((sum: number, each: { errors: unknown[] }) => sum + each.errors.length, 0);
    expect(issues).toBeLessThanOrEqual(1000);
  });

  test("of ordinary jobs lists each refusal in full", async () => {
    const jobs = Array.from({ length: 30 }, () => ({ type: "note", payload: { text: 1, tree: "x".repeat(200) } }));
    const { answer } = await answerTo("POST", "/v1/jobs/batch", JSON.stringify({ jobs }));
    expect(answer.unlisted).toBeUndefined();
    expect(answer.rejected.every(({ errors }: { errors: unknown[] }) => errors.length === 1)).toBe(true);
  });

  test("of events is bounded as well", async () => {
    const { status, answer, excess } = await answerTo("POST", "/v1/events", JSON.stringify(Array(10_000).fill(0)), {
      "content-type": "application/cloudevents-batch+json",
    });
    expect([status, excess <= 0]).toEqual([202, true]);
    expect(answer.rejected.length + answer.unlisted).toBe(10_000);
  });
});
