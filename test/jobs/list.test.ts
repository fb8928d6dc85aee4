import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { jobs } from "../../src/jobs";
import { queues } from "../../src/jobs/queues";
import { createRegistry } from "../../src/queue/registry";

describe("the list of jobs", () => {
  test("is one that the registry takes", () => {
    expect(createRegistry(jobs).find("email")?.contract.type).toBe("email");
  });

  test.each(jobs.map(({ contract }) => contract))("$type travels on queues that exist", ({ queues: names }) => {
    expect(names.length).toBeGreaterThan(0);
    for (const name of names) expect(Object.keys(queues)).toContain(name);
  });
});

test.each(Object.entries(queues))("the queue %s has its binding", (name, { binding }) => {
  expect(env[binding].send).toBeTypeOf("function");
  expect(binding).toBe(name.toUpperCase().replaceAll("-", "_"));
});
