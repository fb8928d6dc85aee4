import * as v from "valibot";
import { entityKey } from "../../domain/events/entity";
import { type EndedDelivery, createEndedJobPublisher, type EndedJobPublisher } from "../../domain/subscriptions/ended";
import { webhook } from "../../jobs/webhook/job";
import type { Engine, EngineEvent } from "../../queue/engine";
import { enqueue } from "../../queue/enqueue";
import { mask } from "../../masking/personal";
import { isTerminal, type JobState } from "../../queue/state";
import type { Snapshots } from "../../tenants/snapshot";

/** Publishes ends of jobs to subscriptions; the tick publishes what was not published at once. */
export function createEndedJobs(db: D1Database, engine: () => Engine): EndedJobPublisher {
  return createEndedJobPublisher({
    db,
    enqueue: (requests) => enqueue(engine(), requests),
    requestOf: deliveryRequest,
    masked: (type, result) => (result === null ? undefined : mask(engine().registry.find(type)?.contract.result, JSON.parse(result))),
  });
}

/** A listener of the engine: after a batch it publishes the ends of its jobs for tenants with a subscription. */
export function publishAfterBatches(
  ended: EndedJobPublisher,
  snapshots: Pick<Snapshots, "read">,
  now: () => number,
  defer: (promise: Promise<unknown>) => void,
) {
  const tenants = new Set<string>();
  const publishOf = async (tenant: string) => {
    const lookup = await snapshots.read(tenant, now());
    if (lookup.state === "known" && lookup.snapshot.sections.events?.jobs) await ended.publish(tenant);
  };
  return (event: EngineEvent): void => {
    if (event.event === "settled" && isTerminal(event.state as JobState)) tenants.add(event.tenant);
    if (event.event !== "batch" || tenants.size === 0) return;
    for (const tenant of tenants) defer(publishOf(tenant));
    tenants.clear();
  };
}

function deliveryRequest({ tenant, subscription, body, about }: EndedDelivery) {
  // The entities of the job, without its receiver: a delivery has its own.
  const keys = about.filter((key) => v.is(entityKey, key) && !key.startsWith("destination:")).slice(0, 5);
  const id = String(body["id"]);
  const own = { own: ["ended", subscription, id], formerKey: `ended ${subscription} ${id}`, internal: true };
  return { tenant, type: webhook.type, payload: { subscription, body, about: keys }, ...own };
}
