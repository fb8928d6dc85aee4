import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { failuresOf } from "../../../src/intake/tick/send-alerts";
import { failureKind } from "../../../src/ledger/failure-kind";
import { noon } from "../../support/rows";
import { minute, world, circuit, reports, given, pause, useReports } from "./world";

useReports();

describe("the report", () => {
  const codes = async (tenant: string | null) => (await reports.findings(tenant)).map(({ code, severity, count, subject }) => [code, severity, count, subject]);

  test("what is tried again is no finding while its failure is resolved or ignored", async () => {
    const reason = 'there is no template "order-7"';
    await given("acme", 3, { state: "retrying", due: noon + minute, reason });
    expect(await codes("acme")).toEqual([["retrying", "warning", 3, `group/${await failureKind("email", reason)}`]]);
    await env.DB.prepare(
      `INSERT INTO failure_groups (tenant, grp, type, title, first_at, last_at, total, hours, status) VALUES ('acme', ?, 'email', '', 0, 0, 3, '{}', 'ignored')`,
    )
      .bind(await failureKind("email", reason))
      .run();
    expect(await codes("acme")).toEqual([]);
    await env.DB.prepare(`UPDATE failure_groups SET status = 'open'`).run();
    expect(await codes("acme")).toHaveLength(1);
  });

  test("two causes of one type's failures are two findings, each with its own group, and leads to it", async () => {
    const reasons = ["mail: 502 bad gateway", "mail: 500"];
    for (const [index, reason] of reasons.entries()) await given("acme", 5 - index, { state: "retrying", due: noon + minute, reason });
    const groups = await Promise.all(reasons.map((reason) => failureKind("email", reason)));
    expect(await codes("acme")).toEqual(groups.map((group, index) => ["retrying", "warning", 5 - index, `group/${group}`]));
    const found = await reports.findings("acme");
    expect(found.map(({ actions }) => actions[0]?.path)).toEqual(groups.map((group) => `/v1/failures/${group}`));
    expect(failuresOf(found, noon).map(({ cause, subject }) => [cause, subject])).toEqual(
      groups.map((group) => [`finding/warning/retrying/group/${group}`, "email"]),
    );
  });

  test("what is tried again can be run now, but for what a pause or an open circuit would stop before its next attempt", async () => {
    const reason = "mail API: host not found";
    await given("acme", 3, { state: "retrying", due: noon + minute, reason });
    const offered = async () => (await reports.findings("acme")).find(({ code }) => code === "retrying")?.actions.map(({ label }) => label);
    expect(await offered()).toEqual(["Look", "Run now"]);
    const [found] = await reports.findings("acme");
    expect(found?.actions[1]).toEqual({
      ...{ method: "POST", path: "/v1/jobs/run-now", label: "Run now" },
      body: { filter: { group: await failureKind("email", reason) } },
    });
    for (const held of [pause, { ...pause, scope: "type" as const, name: "email" }, { ...pause, scope: "tenant" as const, name: "acme", tenant: "*" }]) {
      world.pauses = [held];
      expect(await offered()).toEqual(["Look"]);
    }
    world.pauses = [{ ...pause, name: "events" }];
    expect(await offered()).toEqual(["Look", "Run now"]);
    world.gates = [circuit];
    expect(await offered()).toEqual(["Look"]);
    world.gates = [{ ...circuit, lastFailure: { at: noon, reason: "mail: 503" } }];
    expect(await offered()).toEqual(["Look", "Run now"]);
    await given("acme", 1, { state: "waiting", gate: "mail", reason: "mail: open" });
    expect(await offered()).toEqual(["Look"]);
  });

  test("what is tried again is so since its first attempt, not since the time of its next", async () => {
    await given("acme", 3, { state: "retrying", at: noon - 9 * minute, started: noon - 8 * minute, due: noon + 5 * minute, reason: "mail: 503" });
    expect(await reports.findings("acme")).toMatchObject([{ code: "retrying", since: noon - 8 * minute }]);
    await given("acme", 1, { state: "waiting", at: noon - 7 * minute, due: noon + 5 * minute, reason: "the budget of the month is used" });
    expect((await reports.flow("acme")).get("email-sending")?.why?.since).toBe(noon - 7 * minute);
  });

  test("what failed for good is so since its first failure, also when a replay failed again; since an operator's decision after that", async () => {
    await env.DB.prepare(
      `INSERT INTO dead_letters (tenant, died, id, type, state, reason, kind, attempt, at) VALUES ('acme', ?, 'a', 'email', 'dead', 'no', 'g1', 1, 0)`,
    )
      .bind(noon - minute)
      .run();
    const since = async () => (await reports.findings("acme"))[0]?.since;
    expect(await since()).toBe(noon - minute);
    await env.DB.prepare(
      `INSERT INTO failure_groups (tenant, grp, type, title, first_at, last_at, total, hours) VALUES ('acme', 'g1', 'email', '', ?, ?, 2, '{}')`,
    )
      .bind(noon - 8 * minute, noon - minute)
      .run();
    expect(await since()).toBe(noon - 8 * minute);
    await env.DB.prepare("UPDATE failure_groups SET status_at = ?")
      .bind(noon - 4 * minute)
      .run();
    expect(await since()).toBe(noon - 4 * minute);
  });

  test("the installation's report has an open circuit at which no job waits if jobs of its tenant are retrying", async () => {
    world.gates = [{ ...circuit, held: 0, parked: 0 }];
    const open = async () => (await reports.findings(null)).filter(({ code }) => code === "circuit-open");
    expect(await open()).toEqual([]);
    await given("acme", 2, { state: "retrying", due: noon + minute, reason: "mail: 503" });
    expect(await open()).toMatchObject([{ tenant: "acme", subject: "gate/mail", count: 0 }]);
    expect(await reports.openGates()).toMatchObject([{ tenant: "acme", dependency: "mail", circuit: "open" }]);
  });
});
