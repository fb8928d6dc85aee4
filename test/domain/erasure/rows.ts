import { env } from "cloudflare:workers";
import * as v from "valibot";
import { createFacts } from "../../../src/domain/events/capability";
import { storeSubmission } from "../../../src/domain/leads/store";
import { lead } from "../../../src/jobs/lead/job";
import { ids, newJob, noon } from "../../support/rows";

export const facts = createFacts(env.DB);

export const jobOf = async (tenant: string, more: Parameters<typeof newJob>[0] | object) => newJob({ tenant, id: await ids.make(tenant, noon), ...more });

export const storeAs = (tenant: string, id: string, contact: object, sender: "browser" | "server" = "server", at = noon) =>
  storeSubmission(env.DB, { tenant, id, at, submission: v.parse(lead.payload, { project: "homes", contact, request: { sender } }), reengageHours: 24 });
export const add = (tenant: string, entity: string, data: Record<string, unknown>) => facts.add(tenant, { entity, at: noon, event: entity, type: "t", data });

/** All payloads that a tenant still has. */
export async function payloadsOf(tenant: string): Promise<string[]> {
  const { results } = await env.DB.prepare("SELECT payload FROM jobs WHERE tenant = ? AND payload IS NOT NULL").bind(tenant).all<{ payload: string }>();
  return results.map(({ payload }) => payload);
}

/** Every table's rows of a tenant that still hold something. */
export async function left(tenant: string, text: string): Promise<string[]> {
  const tables = ["jobs", "effects", "history", "dead_letters", "entities", "leads", "lead_submissions", "lead_identities", "lead_activity", "facts", "audit"];
  const rows = await Promise.all(
    [...tables, "follow_ups", "answers"].map(async (table) => {
      const { results } = await env.DB.prepare(`SELECT * FROM ${table} WHERE tenant = ?`).bind(tenant).all();
      return results.some((row) => JSON.stringify(row).toLowerCase().includes(text)) ? [table] : [];
    }),
  );
  return rows.flat();
}
