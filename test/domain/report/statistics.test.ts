import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { type Division, statsBy } from "../../../src/intake/stats-by";
import { noon } from "../../support/rows";
import { reports, given } from "./world";

describe("statistics by one thing", () => {
  const deps = { db: env.DB, reports, registry: { find: () => undefined } } as never;
  const by = async (division: Division, tenant: string | null) =>
    (await statsBy(deps, division, tenant, [{ minute: noon, type: "email", event: "done", count: 3, ms: 30 }], { from: 0, to: noon + 60_000 })).map(
      ({ name, events, open }) => [name, events, open.ready],
    );

  test("tenant, queue, type and site: what became of jobs, and what the open ones do", async () => {
    await given("acme", 2, { site: "main" });
    await given("acme", 1, { site: "main", state: "done", started: noon - 10, ended: noon });
    await given("other", 1, {});
    const counter = env.DB.prepare(`INSERT INTO counters (tenant, minute, type, event, n, ms) VALUES (?, ?, 'email', 'done', 3, 30)`);
    await env.DB.batch([counter.bind("acme", noon), counter.bind("other", noon)]);
    expect(await by("tenant", null)).toEqual([
      ["acme", { done: 3 }, 2],
      ["other", { done: 3 }, 1],
    ]);
    expect(await by("tenant", "other")).toEqual([["other", { done: 3 }, 1]]);
    expect(await by("site", "acme")).toEqual([["main", { queued: 2, done: 1 }, 2]]);
    expect(await by("type", "acme")).toEqual([["email", { done: 3 }, 2]]);
    expect((await by("queue", "acme"))[0]).toEqual(["email-sending", {}, 2]);
  });
});
