import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { gateNamespace, queueIn } from "../../src/app/environment";
import { queueNamed } from "../../src/jobs/queues";

test("a queue's name is the code's, whatever environment its deployment is", () => {
  expect(queueIn({}, "email-bulk")).toBe("email-bulk");
  expect(queueIn({ ENVIRONMENT: "staging" }, "email-bulk-staging")).toBe("email-bulk");
  expect(queueIn({ ENVIRONMENT: "bulk" }, "email-bulk-bulk")).toBe("email-bulk");
  expect(queueIn({ ENVIRONMENT: "staging" }, "email-bulk")).toBe("email-bulk");
});

test("gates are kept in the jurisdiction that the deployment names, else anywhere", () => {
  const { GATE } = env;
  expect(gateNamespace({ GATE })).toBe(GATE);
  const jurisdictions: string[] = [];
  const namespace = { jurisdiction: (name: string) => (jurisdictions.push(name), GATE) } as unknown as typeof GATE;
  expect(gateNamespace({ GATE: namespace, JURISDICTION: "eu" })).toBe(GATE);
  expect(jurisdictions).toEqual(["eu"]);
});

test("a queue that this deployment does not have has no settings, whatever its name", () => {
  expect(queueNamed("email-bulk")).toMatchObject({ binding: "EMAIL_BULK" });
  expect(["constructor", "__proto__", "toString", "2026"].map(queueNamed)).toEqual(Array(4).fill(undefined));
});
