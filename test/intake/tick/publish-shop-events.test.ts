import { env } from "cloudflare:workers";
import * as v from "valibot";
import { expect, test } from "vitest";
import { eventsOf, createShopOutbox } from "../../../src/domain/shop/events";
import { orderWrites } from "../../../src/domain/shop/orders/store";
import { connect } from "../../../src/domain/shop/site/store";
import { publishShopEvents } from "../../../src/intake/tick/publish-shop-events";
import { defineJob, job } from "../../../src/queue/job";
import { done } from "../../../src/queue/outcome";
import { createRegistry } from "../../../src/queue/registry";
import type { EnqueueRequest } from "../../../src/queue/request";
import { order, start } from "../../jobs/fake-shop";

const event = defineJob({
  type: "event",
  queue: "events",
  payload: v.strictObject({ id: v.string(), type: v.string(), timestamp: v.string(), data: v.record(v.string(), v.unknown()) }),
});
const withRouter = { registry: createRegistry([job(event, async () => done())]), emit: () => undefined };
const withoutRouter = { registry: createRegistry([]), emit: () => undefined };
const outbox = createShopOutbox(env.DB);

async function given(tenant: string, ...ids: number[]) {
  await connect({ db: env.DB, tenant, site: "main" }, false, 0);
  const scope = { db: env.DB, tenant, site: "main" };
  await env.DB.batch(orderWrites(scope, { orders: ids.map((id) => order(id)), named: {}, details: [], readAt: start }, start) as D1PreparedStatement[]);
}
const left = async (tenant: string) => (await eventsOf({ db: env.DB, tenant, site: "main" })).map(({ id }) => id);

test("without a router the events wait; with one each goes to it under a key of its own and is gone", async () => {
  await given("events-one", 1, 2);
  await given("events-two", 1);
  const requests: EnqueueRequest[] = [];
  const enqueue = async (all: readonly EnqueueRequest[]) => {
    requests.push(...all);
    return all.map(({ type }, index) => ({ ok: true as const, id: `job-${index}`, type, state: "queued" as const, replayed: false }));
  };
  expect(await publishShopEvents(withoutRouter, enqueue, outbox)).toEqual({ published: 0, refused: 0, dropped: 0 });
  expect(await left("events-one")).toEqual(["order/1/created", "order/2/created"]);

  expect(await publishShopEvents(withRouter, enqueue, outbox)).toEqual({ published: 3, refused: 0, dropped: 0 });
  // Tenants come in any order.
  const handed = requests.toSorted((one, other) => (one.tenant < other.tenant ? -1 : 1));
  expect(handed.map(({ tenant, own }) => [tenant, own])).toEqual([
    ["events-one", ["shop-event", "main", "order/1/created"]],
    ["events-one", ["shop-event", "main", "order/2/created"]],
    ["events-two", ["shop-event", "main", "order/1/created"]],
  ]);
  expect(v.is(event.payload, requests[0]?.payload)).toBe(true);
  expect(requests[0]?.payload).toMatchObject({ type: "order.created", data: { siteId: "main", orderId: 1 } });
  expect([...(await left("events-one")), ...(await left("events-two"))]).toEqual([]);
});

test("what a tick enqueued and did not remove, since it died, the next one enqueues under the same keys", async () => {
  await given("events-died", 1, 2);
  const keys: unknown[][] = [[], []];
  const enqueueInto = (tick: number) => async (all: readonly EnqueueRequest[]) => {
    keys[tick]?.push(...all.filter(({ tenant }) => tenant === "events-died").map(({ own, payload, revive }) => ({ own, payload, revive })));
    return all.map(({ type }, index) => ({ ok: true as const, id: `job-${index}`, type, state: "queued" as const, replayed: tick > 0 }));
  };
  const dying = { ...outbox, remove: () => Promise.reject(new Error("killed")) };
  await expect(publishShopEvents(withRouter, enqueueInto(0), dying)).rejects.toThrow("killed");
  expect(await left("events-died")).toHaveLength(2);
  await publishShopEvents(withRouter, enqueueInto(1), outbox);
  expect(keys[0]).toHaveLength(2);
  expect(keys[1]).toEqual(keys[0]);
  expect(await left("events-died")).toEqual([]);
});

test("what the router does not take now stays for the next time", async () => {
  await given("events-refused", 7);
  const refuse = async (all: readonly EnqueueRequest[]) => all.map(() => ({ ok: false as const, code: "unavailable" as const, detail: "", errors: [] }));
  expect(await publishShopEvents(withRouter, refuse, outbox)).toEqual({ published: 0, refused: 1, dropped: 0 });
  expect(await left("events-refused")).toEqual(["order/7/created"]);
});

test("what the router will never take does not stand in the way of what comes behind it", async () => {
  await given("events-lost", 8, 9);
  const refuseFirst = async (all: readonly EnqueueRequest[]) =>
    all.map(({ tenant, type, own }, index) =>
      tenant === "events-lost" && own?.[2]?.includes("/8/")
        ? { ok: false as const, code: "idempotency-mismatch" as const, detail: "", errors: [] }
        : { ok: true as const, id: `job-${index}`, type, state: "queued" as const, replayed: false },
    );
  expect(await publishShopEvents(withRouter, refuseFirst, outbox)).toMatchObject({ refused: 1, dropped: 1 });
  expect(await left("events-lost")).toEqual([]);
});
