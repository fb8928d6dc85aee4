import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { createReportsOn } from "../../../src/app/reports";
import { sortFindings } from "../../../src/domain/report/model";
import { failureKind } from "../../../src/ledger/failure-kind";
import { createTicks } from "../../../src/ledger/ticks";
import { noon } from "../../support/rows";
import { minute, world, circuit, partsOn, reports, given, pause, useReports } from "./world";

useReports();

describe("the report", () => {
  const codes = async (tenant: string | null) => (await reports.findings(tenant)).map(({ code, severity, count, subject }) => [code, severity, count, subject]);

  test("is empty when all is well", async () => {
    await given("acme", 5, {});
    expect(await reports.findings("acme")).toEqual([]);
  });

  test("orders findings by harm, each with its own numbers", async () => {
    world.pauses = [pause];
    world.gates = [circuit];
    await given("acme", 3, { state: "retrying", due: noon + minute, reason: "mail API: 500" });
    await given("acme", 7, { state: "waiting", gate: "pause/queue/email-sending" });
    const letter = env.DB.prepare(
      `INSERT INTO dead_letters (tenant, died, id, type, state, reason, kind, attempt, at) VALUES ('acme', ?, ?, 'email', 'dead', 'no template', 'g1', 1, 0)`,
    );
    await env.DB.batch([letter.bind(noon - minute, "a"), letter.bind(noon - 2 * minute, "b")]);
    expect(await codes("acme")).toEqual([
      ["circuit-open", "critical", 213, "gate/mail"],
      ["failed", "critical", 2, "group/g1"],
      ["paused", "warning", 7, "queue/email-sending"],
      ["retrying", "warning", 3, `group/${await failureKind("email", "mail API: 500")}`],
    ]);
    expect(await codes("other")).toEqual([["circuit-open", "critical", 213, "gate/mail"]]);
    expect(await reports.findings("acme")).toEqual(await reports.findings("acme"));
  });

  test("a cause whose dead letters are older than a thousand others is a finding, and each count is whole", async () => {
    const letters = (kind: string, count: number, died: number) =>
      env.DB.prepare(
        `INSERT INTO dead_letters (tenant, died, id, type, state, reason, kind, attempt, at)
         SELECT 'acme', ?1, ?2 || value, 'email', 'dead', 'no template', ?2, 1, 0 FROM json_each(?3)`,
      ).bind(died, kind, JSON.stringify(Array.from({ length: count }, (_, index) => index)));
    await env.DB.batch([letters("g1", 1002, noon - minute), letters("g2", 3, noon - 60 * minute)]);
    expect(await codes("acme")).toEqual([
      ["failed", "critical", 1002, "group/g1"],
      ["failed", "warning", 3, "group/g2"],
    ]);
    await letters("g3", 10_000, noon).run();
    const sentences = (await reports.findings("acme")).filter(({ code }) => code === "failed").map(({ sentence }) => sentence);
    expect(sentences).toEqual(["At least 10,000 email jobs failed for good: no template"]);
  });

  test.each([
    ["scheduled for later and released a second ago", { sent: noon - 1000, begun: null, sweeps: 0 }, []],
    ["a part of a long run, which goes on since a second", { sent: noon - 1000, begun: noon - 15 * minute, sweeps: 0 }, []],
    ["released twelve minutes ago", { sent: noon - 12 * minute, begun: null, sweeps: 0 }, [["stuck", noon - 12 * minute]]],
    ["never run, with a copy of its lost message", { sent: noon - 1000, begun: null, sweeps: 1 }, [["stuck", noon - 120 * minute]]],
    ["run before, with a copy of its lost message", { sent: noon - 1000, begun: noon - 30 * minute, sweeps: 1 }, [["stuck", noon - 30 * minute]]],
  ] as const)("a job that was accepted two hours ago and is %s is late by the time it could run", async (_, { sent, begun, sweeps }, expected) => {
    await given("acme", 1, { at: noon - 120 * minute });
    await env.DB.prepare("UPDATE jobs SET sent = ?, begun = ?, sweeps = ? WHERE tenant = 'acme'").bind(sent, begun, sweeps).run();
    expect((await reports.findings("acme")).map(({ code, since }) => [code, since])).toEqual(expected);
  });

  test("a receiver that accepts no more is a finding of its tenant until it is set again, and one that is off for another reason is none", async () => {
    const destination = env.DB.prepare("INSERT INTO destinations (tenant, name, enabled, retired, retired_at, created, updated) VALUES (?, ?, ?, ?, ?, 0, 0)");
    await env.DB.batch([
      destination.bind("acme", "slack", 1, "Slack: 404 no_service", noon - minute),
      destination.bind("acme", "off", 0, "410", noon - minute),
      destination.bind("acme", "well", 1, null, null),
      env.DB.prepare(
        "INSERT INTO subscriptions (tenant, name, events, jobs, host, sealed, retired, retired_at, created, updated) VALUES ('acme', 'hook', '[]', 0, 'x', '', '410', ?, 0, 0)",
      ).bind(noon - 2 * minute),
    ]);
    const sentence =
      "The destination slack gets no events since 2026-11-21T11:59:00Z, until it is set again: its receiver accepts no more (Slack: 404 no_service).";
    expect(await reports.findings("acme")).toMatchObject([
      {
        code: "receiver-off",
        severity: "warning",
        sentence,
        since: noon - minute,
        subject: "destination/slack",
        actions: [{ path: "/v1/destinations/slack" }],
      },
      { subject: "subscription/hook", actions: [{ path: "/v1/subscriptions/hook" }] },
    ]);
    expect(await reports.findings("other")).toEqual([]);
    expect((await codes(null)).map(([code]) => code)).toEqual(["tick-silent", "receiver-off", "receiver-off"]);
    await env.DB.batch(["UPDATE destinations SET retired = NULL", "DELETE FROM subscriptions"].map((sql) => env.DB.prepare(sql)));
    expect(await reports.findings("acme")).toEqual([]);
  });

  test("jobs that are all in doubt are to be settled, and not offered to be replayed before", async () => {
    const letter = env.DB.prepare(
      `INSERT INTO dead_letters (tenant, died, id, type, state, reason, kind, attempt, at) VALUES ('acme', ?, ?, 'email', 'discarded', 'uncertain: "send" may have happened', 'g1', 1, 0)`,
    );
    const effect = env.DB.prepare(`INSERT INTO effects (tenant, job, key, revision, state, at) VALUES ('acme', ?, 'send', 0, 'uncertain', 0)`);
    await env.DB.batch([letter.bind(noon - minute, "a"), letter.bind(noon - minute, "b"), effect.bind("a"), effect.bind("b")]);
    const offered = async () => (await reports.findings("acme"))[0]?.actions.map(({ method, path, label }) => [method, path, label]);
    expect(await offered()).toEqual([["GET", "/v1/failures/g1", "Settle"]]);
    await env.DB.prepare("UPDATE effects SET state = 'failed' WHERE tenant = 'acme' AND job = 'a'").run();
    expect(await offered()).toEqual([
      ["GET", "/v1/failures/g1", "Look"],
      ["POST", "/v1/replays", "Replay"],
    ]);
  });

  test("an open circuit is so since it opened, not since its newest failed probe", async () => {
    world.gates = [{ ...circuit, openedAt: noon - 180 * minute }];
    expect(await reports.findings("acme")).toMatchObject([{ code: "circuit-open", since: noon - 180 * minute }]);
    world.gates = [circuit];
    expect(await reports.findings("acme")).toMatchObject([{ since: noon - minute }]);
  });

  test("a pause is one at once, of low severity", async () => {
    world.pauses = [{ ...pause, since: noon - minute }];
    expect(await codes("acme")).toEqual([["paused", "info", 0, "queue/email-sending"]]);
  });

  test("ready jobs of which none ends are stuck; behind when others end", async () => {
    await given("acme", 12, { at: noon - 20 * minute });
    expect(await codes("acme")).toEqual([["stuck", "critical", 12, "queue/email-sending"]]);
    await env.DB.prepare(`INSERT INTO counters (tenant, minute, type, event, n, ms) VALUES ('acme', ?, 'email', 'done', 1, 0)`).bind(noon).run();
    expect(await codes("acme")).toEqual([["behind", "warning", 12, "queue/email-sending"]]);
  });

  test("schedules that did not run, sites, unreadable rows and approvals", async () => {
    await env.DB.batch([
      env.DB.prepare(
        `INSERT INTO schedules (tenant, name, type, payload, cron, zone, misfire, overlap, spread_seconds, enabled, created_at, updated_at, last_planned_at, last_outcome, last_note)
         VALUES ('acme', 'weekly', 'email', '{}', '0 7 * * 1', 'UTC', 'once', 'skip', 0, 1, 0, 0, ?, 'failed', 'The template is missing.')`,
      ).bind(noon),
      env.DB.prepare(
        `INSERT INTO shop_sites (tenant, site, connected, paused_at, paused_reason) VALUES ('acme', 'main', 0, ?, 'The key is wrong (401).')`,
      ).bind(noon),
      env.DB.prepare(`INSERT INTO shop_unreadable (tenant, site, resource, id, reason, since, looked_at) VALUES ('acme', 'main', 'orders', 1, 'x', ?, 0)`).bind(
        noon,
      ),
      env.DB.prepare(
        `INSERT INTO agent_proposals (tenant, job, revision, step, place, agent, tool, body, state, asked_at, expires_at) VALUES ('acme', 'j', 0, 1, 1, 'sync-doctor', 't', '{}', 'pending', ?, 0)`,
      ).bind(noon),
    ]);
    expect(await codes("acme")).toEqual([
      ["schedule-failed", "critical", 1, "schedule/weekly"],
      ["site-paused", "critical", 1, "site/main"],
      ["site-unreadable", "warning", 1, "site/main"],
      ["approval", "info", 1, "agent/sync-doctor"],
    ]);
    expect(await reports.findings("other")).toEqual([]);
  });

  test("the installation's report has the tick; a tenant's report does not", async () => {
    expect(await codes(null)).toEqual([["tick-silent", "critical", 1, "tick"]]);
    await createTicks(env.DB).record([
      { step: "sweep", outcome: "done", at: noon, ms: 1, detail: null },
      { step: "alerts", outcome: "failed", at: noon, ms: 1, detail: "x" },
    ]);
    expect(await codes(null)).toEqual([["tick-failing", "critical", 1, "tick/alerts"]]);
    expect(await codes("acme")).toEqual([]);
  });

  test("a ledger of 80 % of what a database holds is a finding of the installation, read from an answer that the report has anyway", async () => {
    await createTicks(env.DB).record([{ step: "sweep", outcome: "done", at: noon, ms: 1, detail: null }]);
    const grown = (bytes: number) =>
      new Proxy(env.DB, {
        get: (target, name) =>
          name !== "batch"
            ? (target[name as keyof D1Database] as () => unknown).bind(target)
            : async (statements: D1PreparedStatement[]) =>
                (await target.batch(statements)).map((result) => ({ ...result, meta: { ...result.meta, size_after: bytes } })),
      });
    const at = async (bytes: number, tenant: string | null) => createReportsOn(partsOn(grown(bytes))).findings(tenant);
    expect(await at(7.99e9, null)).toEqual([]);
    expect(await at(8.4e9, "acme")).toEqual([]);
    expect(await at(8.4e9, null)).toMatchObject([{ code: "ledger-full", severity: "warning", subject: "ledger", tenant: "*" }]);
    const [full] = await at(9.5e9, null);
    expect(full).toMatchObject({ severity: "critical", sentence: expect.stringContaining("has 9.50 GB of the 10 GB that a database holds, 95 %.") });
    world.limit = { bytes: 500_000_000, from: "free-plan" };
    expect(await at(4.2e8, null)).toMatchObject([
      { severity: "warning", sentence: expect.stringContaining("has 420 MB of the 500 MB that a database holds on the Workers Free plan") },
    ]);
    world.limit = { bytes: 2_000_000_000, from: "variable" };
    expect(await at(1.9e9, null)).toMatchObject([{ severity: "critical", sentence: expect.stringContaining("of the 2 GB that MAX_LEDGER_BYTES sets, 95 %") }]);
    expect(await reports.findings(null)).toEqual([]);
  });

  test("the order does not depend on the order of the facts", () => {
    const finding = { code: "a", sentence: "", since: null, tenant: "acme", actions: [] };
    const all = [
      { ...finding, severity: "info" as const, count: 9, subject: "x" },
      { ...finding, severity: "critical" as const, count: 1, subject: "y" },
      { ...finding, severity: "critical" as const, count: 1, subject: "x" },
      { ...finding, severity: "critical" as const, count: 2, subject: "z" },
    ];
    expect(sortFindings(all)).toEqual(sortFindings(all.toReversed()));
    expect(sortFindings(all).map(({ subject }) => subject)).toEqual(["z", "x", "y", "x"]);
  });
});
