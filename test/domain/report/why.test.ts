import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { approvalReason } from "../../../src/domain/agents/approval";
import { circuitSentence } from "../../../src/domain/report/gate-why";
import { gateOf } from "../../../src/domain/report/why";
import { noon } from "../../support/rows";
import { minute, world, circuit, reports, given, whyOf, pause, useReports } from "./world";

useReports();

test("a circuit that was opened for wrong settings says why, and not what failed before", () => {
  const held = { ...circuit, failures: 0, refusal: { at: noon, reason: "resend: the key is not valid" } };
  expect(circuitSentence(held)).toContain("(resend: the key is not valid)");
  expect(circuitSentence({ ...held, refusal: null })).not.toContain("(");
  expect(circuitSentence(circuit)).toContain("after 5 failures in a row (mail API: host not found)");
});

describe("why a job does not run", () => {
  test("a paused queue: since when, by whom, why, and how to resume it", async () => {
    world.pauses = [pause];
    const [id = ""] = await given("acme", 1, { state: "waiting", gate: "pause/queue/email-sending", reason: "paused: queue/email-sending" });
    expect(await whyOf("acme", id)).toEqual({
      code: "paused",
      sentence: "The queue email-sending is paused since 2026-11-21T10:00:00Z by ana: provider migration.",
      since: pause.since,
      actions: [{ method: "POST", path: "/v1/queues/email-sending/resume", label: "Resume" }],
    });
  });

  test("a queue paused for all tenants: a tenant is offered nothing that would not lift it", async () => {
    world.pauses = [{ ...pause, tenant: "*" }];
    const [id = ""] = await given("acme", 1, { state: "waiting", gate: "pause/queue/email-sending", reason: "paused: queue/email-sending" });
    expect(await whyOf("acme", id)).toMatchObject({ code: "paused", actions: [] });
  });

  test("an open circuit: until when, after how many failures, of what, and who else waits", async () => {
    world.gates = [circuit];
    const [id = ""] = await given("acme", 1, { state: "waiting", reason: "mail: open", due: noon + 30_000 });
    const why = await whyOf("acme", id);
    expect(why).toMatchObject({ code: "circuit-open", until: noon + 30_000 });
    expect(why?.sentence).toBe(
      "The circuit of mail is open until 2026-11-21T12:00:30Z after 5 failures in a row (mail API: host not found); 213 jobs wait for it. One job will try then.",
    );
    expect(why?.actions.map(({ path }) => path)).toEqual(["/v1/gates/mail/probe", "/v1/gates/mail/reset"]);
  });

  test("a circuit that no failure opened: an older failure is not named as its cause", async () => {
    world.gates = [{ ...circuit, failures: 0 }];
    const [id = ""] = await given("acme", 1, { state: "waiting", reason: "mail: open", due: noon + 30_000 });
    const sentence = "The circuit of mail is open until 2026-11-21T12:00:30Z; 213 jobs wait for it. One job will try then.";
    expect((await whyOf("acme", id))?.sentence).toBe(sentence);
  });

  test.each([
    ["at-limit", { circuit: "closed", slots: { used: 4, max: 4 } }, "mail is at its limit, 4 of 4 at once; 213 jobs wait for it."],
    ["rate-limited", { circuit: "closed", rate: { perSecond: 2, available: 0.4 } }, "mail takes 2 a second; 213 jobs wait for it."],
    ["gate-unreachable", { circuit: "unknown" }, "The gate of mail does not answer; its jobs wait and are tried again automatically."],
  ] as const)("%s", async (code, changes, sentence) => {
    world.gates = [{ ...circuit, ...changes }];
    const [id = ""] = await given("acme", 1, { state: "waiting", reason: "mail: concurrency", due: noon + 5000 });
    expect(await whyOf("acme", id)).toMatchObject({ code, sentence });
  });

  test.each([
    ["scheduled", { due: noon + minute }, "It is scheduled for 2026-11-21T12:01:00Z."],
    ["ready", {}, "It waits for its turn in the queue email-sending."],
    [
      "retrying",
      { state: "retrying", due: noon + minute, attempt: 2, reason: "mail API: 500" },
      "Attempt 2 of 8 failed: mail API: 500. The next one is at 2026-11-21T12:01:00Z.",
    ],
    ["waiting", { state: "waiting", due: noon + minute, reason: "mail API: 429" }, "mail API: 429."],
    ["dead", { state: "dead", ended: noon, attempt: 8, reason: "mail API: 500" }, "It failed 8 times: mail API: 500."],
    ["discarded", { state: "discarded", ended: noon, attempt: 0, reason: "no such template" }, "It failed for good: no such template."],
  ] as const)("%s", async (code, changes, sentence) => {
    const [id = ""] = await given("acme", 1, changes);
    expect(await whyOf("acme", id)).toMatchObject({ code, sentence });
  });

  test("a run that waits for approval: what ends it, and the page to decide on, but not to run it now", async () => {
    const reason = approvalReason("save_texts");
    const [id = ""] = await given("acme", 1, { type: "agent", queue: "ai-agent-tasks", state: "waiting", due: noon + minute, reason });
    expect(await whyOf("acme", id)).toMatchObject({
      code: "approval",
      sentence: "A person has to approve save_texts. Without a decision the run ends at 2026-11-21T12:01:00Z.",
      actions: [{ method: "GET", path: `/v1/agent-runs/${id}`, label: "Decide" }],
    });
    expect((await reports.flow("acme")).get("ai-agent-tasks")?.why).toMatchObject({
      code: "approval",
      sentence: "1 job waits: a person has to approve save_texts.",
      actions: [{ method: "GET", path: "/v1/agent-runs" }],
    });
    const [mail = ""] = await given("acme", 1, { state: "waiting", due: noon + minute, reason });
    expect(await whyOf("acme", mail)).toMatchObject({ code: "waiting" });
  });

  test("a heavy tenant: the same sentence on the job and in the report, of low severity", async () => {
    await env.DB.prepare("INSERT INTO heavy_tenants (tenant, queue, since, seen) VALUES ('acme', 'email-sending', ?1, ?2), ('other', 'email-sending', ?1, ?2)")
      .bind(noon - 5 * minute, noon - minute + 1)
      .run();
    const [id = ""] = await given("acme", 3, {});
    const [elsewhere = ""] = await given("acme", 1, { type: "event", queue: "events" });
    const sentence =
      "The tenant acme is heavy on the queue email-sending since 2026-11-21T11:55:00Z: its jobs run from the queue overflow, so that those of other tenants do not wait behind them.";
    expect(await whyOf("acme", id)).toEqual({ code: "tenant-heavy", sentence, since: noon - 5 * minute, actions: [] });
    expect(await whyOf("acme", elsewhere)).toMatchObject({ code: "ready" });
    const found = (await reports.findings("acme")).filter(({ code }) => code === "tenant-heavy");
    expect(found).toMatchObject([
      { severity: "info", sentence: `${sentence} 3 jobs wait for their turn.`, count: 3, subject: "queue/email-sending", tenant: "acme" },
    ]);
    await env.DB.exec("UPDATE heavy_tenants SET seen = seen - 1");
    expect(await whyOf("acme", id)).toMatchObject({ code: "ready" });
    await env.DB.exec("DELETE FROM heavy_tenants");
  });

  test("a pause of the queue overflow is the reason of what it holds", async () => {
    world.pauses = [{ ...pause, name: "overflow" }];
    const [id = ""] = await given("acme", 1, { state: "waiting", gate: "pause/queue/overflow", reason: "paused: queue/overflow" });
    expect(await whyOf("acme", id)).toMatchObject({ code: "paused" });
  });

  test("a paused site says why, for its own jobs only", async () => {
    await env.DB.prepare(
      `INSERT INTO shop_sites (tenant, site, connected, paused_at, paused_reason, probe_at) VALUES ('acme', 'main', 0, ?, 'The key is wrong (401).', 0)`,
    )
      .bind(noon)
      .run();
    const [own = "", other = ""] = [
      ...(await given("acme", 1, { type: "sync-orders", state: "waiting", site: "main", reason: "the site is paused" })),
      ...(await given("acme", 1, { type: "sync-orders", state: "waiting", site: "other", reason: "slow" })),
    ];
    expect(await whyOf("acme", own)).toMatchObject({ code: "site-paused", sentence: "The site main is paused: The key is wrong (401)." });
    expect(await whyOf("acme", other)).toMatchObject({ code: "waiting" });
  });

  test.each(["running", "done", "cancelled"] as const)("nothing for a job that is %s", async (state) => {
    const [id = ""] = await given("acme", 1, { state, ended: state === "running" ? null : noon });
    expect(await whyOf("acme", id)).toBeNull();
  });

  test("a job that was discarded with an effect in doubt: what may have happened is settled before a retry", async () => {
    const [id = "", plain = ""] = await given("acme", 2, { state: "discarded", reason: "Postmark: answered 200 without a message id", ended: noon });
    const effect = env.DB.prepare("INSERT INTO effects (tenant, job, key, revision, state, at) VALUES (?, ?, ?, 0, ?, 1)");
    await env.DB.batch([
      effect.bind("acme", id, "send", "uncertain"),
      effect.bind("acme", id, "decide:page", "intent"),
      effect.bind("acme", plain, "send", "done"),
      effect.bind("other", plain, "send", "uncertain"),
    ]);
    const why = await whyOf("acme", id);
    expect(why?.sentence).toBe(
      "It failed for good: Postmark: answered 200 without a message id. The effect send may have happened: settle whether it happened before a retry.",
    );
    expect(why?.actions).toMatchObject([
      { path: `/v1/jobs/${id}/effects`, body: { key: "send", state: "done" } },
      { path: `/v1/jobs/${id}/effects`, body: { key: "send", state: "failed" } },
    ]);
    expect((await whyOf("acme", plain))?.actions.map(({ label }) => label)).toEqual(["Retry"]);
    await env.DB.prepare("UPDATE effects SET state = 'failed' WHERE tenant = 'acme' AND job = ?").bind(id).run();
    expect((await whyOf("acme", id))?.actions.map(({ label }) => label)).toEqual(["Retry"]);
  });

  test("a reason that only resembles a gate's is no gate", () => {
    expect(gateOf({ gate: null, state: "waiting", reason: "Mail API: open" })).toBeUndefined();
    expect(gateOf({ gate: null, state: "retrying", reason: "mail: open" })).toBeUndefined();
    expect(gateOf({ gate: "pause/type/email", state: "waiting", reason: "" })).toBeUndefined();
    expect(gateOf({ gate: null, state: "waiting", reason: "shop:main: concurrency" })).toBe("shop:main");
  });
});
