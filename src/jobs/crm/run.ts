import { crmEntity } from "../../domain/events/entity";
import { outcomeOf, type Reply } from "../../queue/effect";
import type { PayloadOf, Run } from "../../queue/job";
import { again, done } from "../../queue/outcome";
import type { crm } from "./job";

type Context = Parameters<Run<typeof crm>>[1];
type Sent = Reply<{ id: string; created: boolean } | null>;

// Another job may send a newer state while ours is in flight, and ours may arrive last. So each job sends the merged state and reads it
// again afterwards: when its version changed, it sends again. So the last call sends the newest state.
const maxRounds = 5;

export const runCrm: Run<typeof crm> = async (payload, context) => {
  if (!payload.order) return finish(await send("upsert", payload.email, payload.properties, context), context);
  const entity = crmEntity(payload.order.entity);
  const { event } = payload.order;
  const at = Math.min(payload.order.at, context.at);
  if (!context.dryRun) await context.facts.add(context.tenant, { entity, at, event, type: "crm", data: { ...payload.properties, email: payload.email } });
  for (let round = 0; round < maxRounds; round++) {
    const { data, version } = await stateOf(payload, entity, context);
    const { email, ...properties } = data;
    const sent = await send(`upsert ${version}`, email ?? payload.email, properties, context);
    const newest = await stateOf(payload, entity, context);
    if (!sent.ok || newest.version === version) return finish(sent, context);
  }
  return again({ unsettled: true });
};

async function stateOf(payload: PayloadOf<typeof crm>, entity: string, context: Context): Promise<{ data: Record<string, string>; version: number }> {
  if (context.dryRun) return { data: { ...payload.properties, email: payload.email }, version: 0 };
  const state = await context.facts.stateOf(context.tenant, entity);
  return { data: state.data as Record<string, string>, version: state.version };
}

function send(key: string, email: string, properties: Record<string, string>, context: Context): Promise<Sent> {
  const act = () => context.crm.upsert({ email, properties }, context.signal);
  return context.effect(key, act, { idempotentFor: context.crm.idempotentFor });
}

function finish(sent: Sent, context: Context) {
  if (!sent.ok) return outcomeOf(sent.failure, context.now());
  return done(sent.value ?? { id: null, created: false });
}
