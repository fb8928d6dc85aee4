import { env } from "cloudflare:workers";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { storeCrmReport } from "../../../src/domain/leads/crm";
import { removeOldBots } from "../../../src/domain/leads/erase";
import { getLead } from "../../../src/domain/leads/queries";
import { storeSubmission } from "../../../src/domain/leads/store";
import { type LeadKind, submissionSchema } from "../../../src/domain/leads/model";
import { planOf, recordingDb } from "../../support/recorder";

const noon = Date.UTC(2026, 10, 21, 12);
const day = 24 * 3600_000;
const come = (tenant: string, id: string, at: number, kind: LeadKind = "lead") =>
  storeSubmission(env.DB, {
    tenant,
    id,
    at,
    submission: v.parse(submissionSchema, { project: "homes", kind, contact: { visitorId: `v-${kind}` } }),
    reengageHours: 24,
  });

test("robots go ninety days after they were last seen, with all that hangs on them; leads and tests stay", async () => {
  for (const kind of ["lead", "test", "bot"] as const) await come("aging", kind, noon, kind);
  await come("aging", "again", noon + 10 * day, "bot");
  const { db, statements } = recordingDb();
  expect(await removeOldBots(db, noon + 91 * day)).toBe(0);
  expect(await removeOldBots(db, noon + 101 * day)).toBe(1);
  expect(await removeOldBots(db, noon + 101 * day)).toBe(0);
  for (const table of ["leads", "lead_submissions", "lead_identities"]) {
    const left = await env.DB.prepare(`SELECT count(*) AS n FROM ${table} WHERE tenant = 'aging'`).first<{ n: number }>();
    expect(left?.n, table).toBe(2);
  }
  const plans = (await Promise.all(statements.map(planOf))).flat();
  expect(plans.filter((line) => /^SCAN (?!.*VIRTUAL TABLE|.*USING (COVERING )?INDEX leads_of_bots)/.test(line))).toEqual([]);
});

describe("the CRM's record of a lead", () => {
  test("is known for each submission that was forwarded, and a late report does not make an old one the lead's", async () => {
    await come("records", "s1", noon);
    await storeCrmReport(env.DB, "records", "homes", { crm_lead_id: "c1", lead_id: "s1", event_type: "created" }, noon);
    await come("records", "s2", noon + 2 * day);
    await storeCrmReport(env.DB, "records", "homes", { crm_lead_id: "c2", submission_id: "s2", event_type: "created" }, noon + 2 * day);
    expect(await storeCrmReport(env.DB, "records", "homes", { crm_lead_id: "c1", event_type: "lost" }, noon + 3 * day)).toBe("s1");
    expect(await storeCrmReport(env.DB, "records", "flats", { crm_lead_id: "c1", event_type: "lost" }, noon + 3 * day)).toBeNull();
    const found = await getLead(env.DB, "records", "s1");
    expect([found?.lead.crmId, found?.activity.map(({ type }) => type)]).toEqual(["c2", ["lost", "created", "created"]]);
  });

  test("keeps its newest two hundred reports", async () => {
    await come("reports", "s1", noon);
    for (let index = 0; index < 205; index++) {
      await storeCrmReport(env.DB, "reports", "homes", { crm_lead_id: "c1", lead_id: "s1", event_type: `e${index}` }, noon + index);
    }
    const found = await getLead(env.DB, "reports", "s1");
    expect([found?.activity.length, found?.activity.at(0)?.type, found?.activity.at(-1)?.type]).toEqual([200, "e204", "e5"]);
  });
});
