import { env } from "cloudflare:workers";
import { beforeEach } from "vitest";
import { createFacts } from "../../src/domain/events/facts";
import { createFollowUps } from "../../src/domain/events/follow-ups";
import { createRouting } from "../../src/domain/events/routing";
import { eventKey } from "../../src/domain/events/key";
import { agentRuns } from "../../src/domain/agents/store";
import { createPayloads } from "../../src/ledger/payloads";
import { jobs } from "../../src/jobs";
import type { Contact } from "../../src/providers/crm/crm";
import { failed, ok, type Failure, type Reply } from "../../src/queue/effect";
import { job } from "../../src/queue/job";
import { done } from "../../src/queue/outcome";
import { createEngineBench, idOf, type Row } from "../support/engine";
import { fakeSuppressions } from "./fake-suppressions";

export let count = 0;

export let tenant = "";

/** What the outside world was told, and how it answers: by name of the destination. */
export const outside = {
  slack: [] as string[],
  mail: [] as string[],
  crm: [] as Contact[],
  models: 0,
  hooks: [] as { to: unknown; body: string; hops: number }[],
};

export const trouble: { [name: string]: Failure | undefined } = {};

/** What happens before a contact is written. */
export const crm: { beforeUpsert: (contact: Contact) => Promise<void> } = { beforeUpsert: async () => undefined };

export const reply = <T>(name: string, value: T): Reply<T> => (trouble[name] ? failed(trouble[name]) : ok(value));

export const verdict = { summary: "s", intent: "buy", urgency: "low", score: 1, nextStep: "n" };

export function world() {
  const bench = createEngineBench({
    jobs: [
      ...jobs.filter(({ contract }) => contract.type !== "analytics" && contract.type !== "lead"),
      job({ ...analytics(), batch: false, needs: [] } as never, (async () => done({ stored: true })) as never),
    ],
    capabilities: async () =>
      ({
        routing: createRouting(env.DB),
        facts: createFacts(env.DB),
        followUps: createFollowUps(env.DB, (owner, id) => bench.engine.ledger.cancel({ tenant: owner, id }, bench.now())),
        chat: { post: async ({ text }: { text: string }) => told("slack", () => outside.slack.push(text), { posted: true }) },
        suppressions: fakeSuppressions(),
        mail: { idempotentFor: 86_400, send: async ({ subject }: { subject: string }) => told("mail", () => outside.mail.push(subject), { id: "m" }) },
        templates: { at: async (_: string, id: string) => ({ id, version: 0, created: 0, subject: id, text: "t" }) },
        crm: {
          idempotentFor: 86_400,
          upsert: async (contact: Contact) => {
            await crm.beforeUpsert(contact);
            return told("crm", () => outside.crm.push(contact), { id: "1", created: true });
          },
        },
        agents: { runs: agentRuns(env.DB, createPayloads(env.PAYLOADS), tenant), world: {}, went: () => undefined },
        models: {
          idempotentFor: 86_400,
          endpoints: [{ model: "m" }],
          chat: async () =>
            told("models", () => outside.models++, {
              text: JSON.stringify({ verdict }),
              toolCalls: [],
              end: "stop",
              model: "m",
              tokens: { input: 1, output: 1 },
            }),
        },
        hooks: {
          open: async (to: unknown) => ({
            idempotentFor: 86_400,
            post: async ({ body, hops }: { body: string; hops: number }) =>
              told("hooks", () => outside.hooks.push({ to, body, hops }), { status: 200, response: "ok" }),
            retire: async () => undefined,
          }),
        },
      }) as never,
  });
  return bench;
}

export function told<T>(name: string, act: () => unknown, value: T): Reply<T> {
  const answer = reply(name, value);
  if (answer.ok) act();
  return answer;
}

export function analytics() {
  return jobs.find(({ contract }) => contract.type === "analytics")!.contract;
}

export type World = ReturnType<typeof world>;

export const lead = { id: "4711", email: "ada@example.com", firstName: "Ada", lastName: "Lovelace", project: "riverside" };

export async function send(bench: World, type: string, data: object, more: { id?: string; timestamp?: string } = {}) {
  const event = { id: more.id ?? `evt-${++count}`, type, data, ...(more.timestamp ? { timestamp: more.timestamp } : {}) };
  return idOf((await bench.accept([{ tenant, type: "event", payload: event, ...(await eventKey(event)) }]))[0]);
}

/** Delivers what is due now, and what comes of it, without moving the clock to follow-ups. */
export async function settle(bench: World) {
  for (let round = 0; round < 50; round++) {
    const due = bench.held.filter(({ at }) => at <= bench.now());
    if (due.length === 0) return;
    for (const group of Map.groupBy(due, ({ queue }) => queue).values()) await bench.deliver(group.slice(0, 25));
  }
}

export const jobsOf = (bench: World, type: string) => bench.all<Row>("SELECT * FROM jobs WHERE tenant = ? AND type = ?", tenant, type);

export const linesOf = async (bench: World, id: string) => {
  const { destinations } = JSON.parse((await bench.row(id))?.result ?? "{}") as { destinations: { name: string; job?: string; skipped?: string }[] };
  return Object.fromEntries(destinations.map(({ name, skipped }) => [name, skipped ?? "served"]));
};

beforeEach(async () => {
  tenant = `t-${++count}`;
  Object.assign(outside, { slack: [], mail: [], crm: [], models: 0, hooks: [] });
  for (const name of Object.keys(trouble)) delete trouble[name];
  crm.beforeUpsert = async () => undefined;
  await env.DB.prepare("INSERT INTO tenants (tenant, name, timezone, settings, created, updated) VALUES (?, 't', 'UTC', '{}', 0, 0)").bind(tenant).run();
  for (const name of ["slack", "mail", "crm", "models"]) await connect(name);
});

export function connect(name: string) {
  return env.DB.prepare("INSERT INTO connections (tenant, name, provider, settings, credentials, created, updated) VALUES (?, ?, 'x', '{}', '', 0, 0)")
    .bind(tenant, name)
    .run();
}
