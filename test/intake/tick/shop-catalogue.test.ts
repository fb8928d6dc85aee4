import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { entitiesOf, isKnown } from "../../../src/domain/events/catalogue";
import { type Event, eventPayload } from "../../../src/domain/events/model";
import { chatMessage } from "../../../src/domain/events/slack-text";
import { createShopOutbox } from "../../../src/domain/shop/events";
import { orderWrites } from "../../../src/domain/shop/orders/store";
import { stockWrites } from "../../../src/domain/shop/products/stock";
import { productWrites } from "../../../src/domain/shop/products/store";
import { connect, spanRead } from "../../../src/domain/shop/site/store";
import { publishShopEvents } from "../../../src/intake/tick/publish-shop-events";
import { event } from "../../../src/jobs/event/job";
import { job } from "../../../src/queue/job";
import { done } from "../../../src/queue/outcome";
import { createRegistry } from "../../../src/queue/registry";
import type { EnqueueRequest } from "../../../src/queue/request";
import { check } from "../../../src/queue/validate";
import { order, product, start, stock } from "../../jobs/fake-shop";

test("what shops note is what the catalogue takes, whatever a shop leaves out", async () => {
  const scope = { db: env.DB, tenant: "events-real", site: "main" };
  const write = (statements: readonly unknown[]) => env.DB.batch(statements as D1PreparedStatement[]);
  const bare = order(1, { reference: "", customerId: null, stateId: null, dateAdd: null, dateUpd: null });
  await connect({ db: env.DB, tenant: "events-real", site: "main" }, false, 0);
  // Read once: what is new from here on is no history.
  await write([spanRead(scope, "orders", { from: 0, to: 0, pageSizes: { heavy: 50, light: 2500 } }, start)]);
  const page = (...orders: (typeof bare)[]) => ({ orders, named: {}, details: [], readAt: start });
  await write(orderWrites(scope, page(bare, order(2)), start));
  await write(orderWrites(scope, { ...page({ ...bare, stateId: 4 }, order(2, { stateId: 4, dateUpd: start })), readAt: start + 1 }, start + 1));
  await write(productWrites(scope, { products: [product(7)], details: [], stock: [stock(7, 3)], isStockWhole: true, readAt: start }, start));
  await write(stockWrites(scope, [stock(7, 0)], start + 1, start + 1));

  const requests: EnqueueRequest[] = [];
  const keep = async (all: readonly EnqueueRequest[]) => (
    requests.push(...all),
    all.map(() => ({ ok: false as const, code: "unavailable" as const, detail: "", errors: [] }))
  );
  await publishShopEvents({ registry: createRegistry([job(event, async () => done())]), emit: () => undefined }, keep, createShopOutbox(env.DB));
  const events = requests.filter(({ tenant }) => tenant === "events-real").map(({ payload }) => payload as Event);
  for (const each of events) expect([each.type, isKnown(each.type), check(eventPayload, each)]).toMatchObject([each.type, true, { ok: true }]);
  const summaries = events.map((each) => [each.type, entitiesOf(each)[0], chatMessage(each).text.split("\n").length]);
  expect(summaries.toSorted((one, other) => (String(one) < String(other) ? -1 : 1))).toEqual([
    ["order.created", "order:main/1", 3],
    ["order.created", "order:main/2", 4],
    ["order.status_changed", "order:main/1", 4],
    ["order.status_changed", "order:main/2", 4],
    ["product.out_of_stock", "product:main/7", 5],
  ]);
});
