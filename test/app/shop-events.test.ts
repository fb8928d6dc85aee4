import { env } from "cloudflare:workers";
import * as v from "valibot";
import { expect, test } from "vitest";
import { publishShopEvents } from "../../src/app/shop-events";
import { entitiesOf, isKnown } from "../../src/domain/events/catalogue";
import { type Event, eventPayload } from "../../src/domain/events/event";
import { chatText } from "../../src/domain/events/words";
import { shopDataIn } from "../../src/domain/shop/data";
import { eventsOf, shopOutbox } from "../../src/domain/shop/events";
import { defineJob, job } from "../../src/queue/job";
import { done } from "../../src/queue/outcome";
import { createRegistry } from "../../src/queue/registry";
import type { EnqueueRequest } from "../../src/queue/request";
import { order, product, start, stock } from "../jobs/fake-shop";
import { check } from "../../src/queue/validate";

const event = defineJob({
  type: "event",
  queue: "events",
  payload: v.strictObject({ id: v.string(), type: v.string(), timestamp: v.string(), data: v.record(v.string(), v.unknown()) }),
});
const withRouter = { registry: createRegistry([job(event, async () => done())]) };
const withoutRouter = { registry: createRegistry([]) };
const outbox = shopOutbox(env.DB);

async function given(tenant: string, ...ids: number[]) {
  const site = shopDataIn(env.DB).site(tenant, "main");
  await env.DB.batch(site.orderWrites({ orders: ids.map((id) => order(id)), named: {}, details: [], readAt: start }, start) as D1PreparedStatement[]);
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
  expect(await publishShopEvents(withoutRouter, enqueue, outbox)).toEqual({ published: 0, refused: 0 });
  expect(await left("events-one")).toEqual(["order/1/created", "order/2/created"]);

  expect(await publishShopEvents(withRouter, enqueue, outbox)).toEqual({ published: 3, refused: 0 });
  expect(requests.map(({ tenant, key }) => [tenant, key])).toEqual([
    ["events-one", "event:shop/main/order/1/created"],
    ["events-one", "event:shop/main/order/2/created"],
    ["events-two", "event:shop/main/order/1/created"],
  ]);
  expect(v.is(event.payload, requests[0]?.payload)).toBe(true);
  expect(requests[0]?.payload).toMatchObject({ type: "order.created", data: { siteId: "main", orderId: 1 } });
  expect([...(await left("events-one")), ...(await left("events-two"))]).toEqual([]);
});

test("what the router does not take now stays for the next time", async () => {
  await given("events-refused", 7);
  const refuse = async (all: readonly EnqueueRequest[]) => all.map(() => ({ ok: false as const, code: "unavailable" as const, detail: "", errors: [] }));
  expect(await publishShopEvents(withRouter, refuse, outbox)).toEqual({ published: 0, refused: 1 });
  expect(await left("events-refused")).toEqual(["order/7/created"]);
});

test("what shops note is what the catalogue takes, whatever a shop leaves out", async () => {
  const site = shopDataIn(env.DB).site("events-real", "main");
  const write = (statements: readonly unknown[]) => env.DB.batch(statements as D1PreparedStatement[]);
  const bare = order(1, { reference: "", customerId: null, stateId: null, dateAdd: null, dateUpd: null });
  const page = (...orders: (typeof bare)[]) => ({ orders, named: {}, details: [], readAt: start });
  await write(site.orderWrites(page(bare, order(2)), start));
  await write(site.orderWrites({ ...page({ ...bare, stateId: 4 }, order(2, { stateId: 4, dateUpd: start })), readAt: start + 1 }, start + 1));
  await write(site.productWrites({ products: [product(7)], details: [], stock: [stock(7, 3)], readAt: start }, start));
  await write(site.stockWrites([stock(7, 0)], start + 1, start + 1));

  const requests: EnqueueRequest[] = [];
  const keep = async (all: readonly EnqueueRequest[]) => (
    requests.push(...all),
    all.map(() => ({ ok: false as const, code: "unavailable" as const, detail: "", errors: [] }))
  );
  await publishShopEvents(withRouter, keep, outbox);
  const events = requests.filter(({ tenant }) => tenant === "events-real").map(({ payload }) => payload as Event);
  for (const each of events) expect([each.type, isKnown(each.type), check(eventPayload, each)]).toMatchObject([each.type, true, { ok: true }]);
  const said = events.map((each) => [each.type, entitiesOf(each)[0], chatText(each).split("\n").length]);
  expect(said.toSorted((one, other) => (String(one) < String(other) ? -1 : 1))).toEqual([
    ["order.created", "order:main/1", 3],
    ["order.created", "order:main/2", 4],
    ["order.status_changed", "order:main/1", 4],
    ["order.status_changed", "order:main/2", 4],
    ["product.out_of_stock", "product:main/7", 5],
  ]);
});
