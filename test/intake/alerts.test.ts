import { env } from "cloudflare:workers";
import * as v from "valibot";
import { expect, test } from "vitest";
import { saveAlerts } from "../../src/domain/alerts/store";
import { alertsShape } from "../../src/intake/routes/alerts";
import type { Finding } from "../../src/domain/report/model";
import { createIntakeBench, root } from "./bench";
import { now } from "./given";

const bench = createIntakeBench();

test("GET /v1/alerts has the sentence and the remedies that the report has now, and says of what it has no longer since when", async () => {
  const own = await bench.tenant("alerts-own");
  const actions = [{ method: "POST" as const, path: "/v1/gates/mail/probe", label: "Probe now" }];
  const circuit: Finding = {
    ...{
      code: "circuit-open",
      severity: "warning",
      sentence: "The circuit of mail is open.",
      since: now - 950_000,
      count: 3,
      subject: "gate/mail",
      tenant: "alerts-own",
      actions,
    },
  };
  const failed: Finding = { ...circuit, code: "failed", subject: "group/0123456789abcdef", sentence: "10 email jobs failed for good: mail: 401", count: 10 };
  bench.deps.reports = { ...bench.deps.reports, findings: async () => [circuit, failed] };
  const kept = {
    state: "open" as const,
    reason: "as it was found",
    count: 1,
    firstAt: now - 910_000,
    since: now - 900_000,
    lastAt: now - 60_000,
    toldAt: null,
    via: [],
    recoveredAt: null,
  };
  const about = (tenant: string, code: string, subject: string) => ({ ...kept, tenant, cause: `finding/critical/${code}/${subject}`, subject });
  await saveAlerts(env.DB, [
    about("alerts-own", "circuit-open", "gate/mail"),
    about("alerts-own", "stuck", "queue/events"),
    { ...kept, tenant: "alerts-own", cause: "dead-letters/0123456789abcdef", subject: "email", count: 8 },
    { ...about("alerts-own", "circuit-open", "gate/crm"), state: "recovered", recoveredAt: now },
    about("*", "tick-failing", "tick/sweep"),
  ]);
  const { body } = await bench.call("GET", "/v1/alerts", { token: own.read });
  expect(v.is(alertsShape, body)).toBe(true);
  const by = Object.fromEntries(body.alerts.map((each: { subject: string }) => [each.subject, each]));
  expect(by["gate/mail"]).toMatchObject({ sentence: circuit.sentence, reason: "as it was found", notSeenSince: null, actions: circuit.actions });
  const found = { count: 3, since: new Date(now - 950_000).toISOString() };
  expect(by["gate/mail"]).toMatchObject(found);
  expect(by["email"]).toMatchObject({ ...found, count: 10, sentence: failed.sentence });
  expect(by["queue/events"]).toMatchObject({ count: 1, since: new Date(now - 910_000).toISOString() });
  expect(by["gate/mail"].url).toBe("https://jobs.example.com/t/alerts-own/flow");
  expect(by["queue/events"]).toMatchObject({ sentence: "as it was found", notSeenSince: new Date(now - 60_000).toISOString(), actions: [] });
  expect(by["gate/crm"]).toMatchObject({ state: "recovered", sentence: "as it was found", notSeenSince: null, actions: [] });
  const all = (await bench.call("GET", "/v1/alerts", { token: root })).body.alerts;
  expect(all).toMatchObject([{ subject: "tick/sweep", notSeenSince: new Date(now - 60_000).toISOString(), url: "https://jobs.example.com/t/*/system" }]);
});
