import { env } from "cloudflare:workers";
import { createAgentRuns } from "../../src/domain/agents/store";
import { createAnalytics } from "../../src/domain/analytics/capability";
import { createFacts, createFollowUps, createRouting } from "../../src/domain/events/capability";
import { eventKey } from "../../src/domain/events/model";
import { event } from "../../src/jobs/event/job";
import { createPayloads } from "../../src/ledger/payloads";
import type { Contact } from "../../src/providers/crm/crm";
import { failed, ok, type Failure, type Reply } from "../../src/queue/effect";
import { createJobBench, type WorkedJob } from "../support/job-bench";
import { fakeSuppressions } from "./fake-suppressions";

export const lead = { id: "4711", email: "ada@example.com", firstName: "Ada", lastName: "Lovelace", project: "riverside" };

const verdict = { summary: "s", intent: "buy", urgency: "low", score: 1, nextStep: "n" };
const judged = { text: JSON.stringify({ verdict }), toolCalls: [], end: "stop", model: "m", tokens: { input: 1, output: 1 } };

let count = 0;

export type EventBench = Awaited<ReturnType<typeof createEventBench>>;

/** The events of a tenant of its own that has all connections, with all jobs that follow from them; the outside world is made up. */
export async function createEventBench() {
  const tenant = `events-${++count}`;
  /** What the outside world was sent, by name of the destination. */
  const outside = { slack: [] as string[], mail: [] as string[], crm: [] as Contact[], models: 0, hooks: [] as { to: unknown; body: string; hops: number }[] };
  /** What a destination fails with. */
  const trouble: { [name: string]: Failure | undefined } = {};
  const hooks: { beforeUpsert: (contact: Contact) => Promise<void> } = { beforeUpsert: async () => undefined };
  const answer = <T>(name: string, act: () => unknown, value: T): Reply<T> => (trouble[name] ? failed(trouble[name]) : (act(), ok(value)));
  const runs = createAgentRuns(env.DB, createPayloads(env.PAYLOADS), tenant);
  const capabilities = {
    routing: createRouting(env.DB),
    facts: createFacts(env.DB),
    analytics: createAnalytics(env.DB),
    followUps: createFollowUps(env.DB, (owner, id) => yard.bench.engine.ledger.cancel({ tenant: owner, id }, yard.bench.now())),
    chat: { post: async ({ text }: { text: string }) => answer("slack", () => outside.slack.push(text), { posted: true }) },
    suppressions: fakeSuppressions(),
    mail: { idempotentFor: 86_400, send: async ({ subject }: { subject: string }) => answer("mail", () => outside.mail.push(subject), { id: "m" }) },
    templates: { at: async (_: string, id: string) => ({ id, version: 0, created: 0, subject: id, text: "t" }) },
    crm: {
      idempotentFor: 86_400,
      upsert: async (contact: Contact) => {
        await hooks.beforeUpsert(contact);
        return answer("crm", () => outside.crm.push(contact), { id: "1", created: true });
      },
    },
    agents: { runs, world: {}, reportResult: () => undefined },
    models: { idempotentFor: 86_400, endpoints: [{ model: "m" }], chat: async () => answer("models", () => outside.models++, judged) },
    hooks: {
      open: async (to: unknown) => ({
        idempotentFor: 86_400,
        post: async (sent: { body: string; hops: number }) => answer("hooks", () => outside.hooks.push({ to, ...sent }), { status: 200, response: "ok" }),
        retire: async () => undefined,
      }),
    },
  };
  const yard = createJobBench({ tenant, capabilities: () => capabilities as never });
  await env.DB.prepare("INSERT INTO tenants (tenant, name, timezone, settings, created, updated) VALUES (?, 't', 'UTC', '{}', 0, 0)").bind(tenant).run();
  for (const name of ["slack", "mail", "crm", "models"]) await connect(tenant, name);
  /** Accepts an event as it comes from a sender. */
  const send = async (type: string, data: object, { id = `evt-${++count}`, timestamp }: { id?: string; timestamp?: string } = {}) => {
    const sent = { id, type, data: { ...data }, ...(timestamp === undefined ? {} : { timestamp }) };
    return yard.accept(event, sent, await eventKey(sent));
  };
  return {
    ...{ ...yard, tenant, outside, trouble, hooks, send },
    /** The same, and all that follows from it now. */
    work: async (...sent: Parameters<typeof send>): Promise<WorkedJob> => (await send(...sent)).untilIdle(),
    /** What the tenant's events have added up to about something. */
    state: async (entity: string) => (await createFacts(env.DB).stateOf(tenant, entity)).data,
  };
}

/** What became of each destination of an event: served, or why not. */
export function destinationsOf({ result }: WorkedJob): Record<string, string> {
  const { destinations } = result as { destinations: { name: string; skipped?: string }[] };
  return Object.fromEntries(destinations.map(({ name, skipped }) => [name, skipped ?? "served"]));
}

function connect(tenant: string, name: string) {
  return env.DB.prepare("INSERT INTO connections (tenant, name, provider, settings, credentials, created, updated) VALUES (?, ?, 'x', '{}', '', 0, 0)")
    .bind(tenant, name)
    .run();
}
