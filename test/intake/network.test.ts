import fc from "fast-check";
import { expect, test } from "vitest";
import { subscriberOf } from "../../src/intake/network";
import { createIntakeBench, root } from "./bench";

test.each([
  ["192.0.2.7", "192.0.2.7"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:DB8:1:2::1", "2001:db8:1:2::/64"],
  ["2001:db8::1", "2001:db8:0:0::/64"],
  ["::1", "0:0:0:0::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ["::ffff:192.0.2.7", "192.0.2.7"],
  ["::ffff:c000:207", "192.0.2.7"],
  ["not:an:address", "unknown"],
  [undefined, "unknown"],
])("the subscriber of %s is %s", (address, expected) => expect(subscriberOf(address)).toBe(expected));

test("every address of one /64 is one subscriber, and another /64 another", () => {
  const group = fc.integer({ min: 1, max: 0xffff }).map((number) => number.toString(16));
  const half = fc.tuple(group, group, group, group).map((groups) => groups.join(":"));
  fc.assert(
    fc.property(half, half, half, half, (net, one, other, otherNet) => {
      expect(subscriberOf(`${net}:${one}`)).toBe(subscriberOf(`${net}:${other}`));
      if (net !== otherNet) expect(subscriberOf(`${net}:${one}`)).not.toBe(subscriberOf(`${otherNet}:${one}`));
    }),
  );
});

test("refused tokens, keys and signatures are counted by subscriber and answered by 429 beyond the rate; what is right is never counted", async () => {
  const bench = createIntakeBench();
  await bench.tenant("refused");
  const counted: string[] = [];
  bench.deps.auth.mayBeRefused = async (subscriber) => (counted.push(subscriber), counted.length <= 3);
  const headers = { "cf-connecting-ip": "2001:db8:1:2::9" };
  const post = (path: string) => bench.call("POST", path, { body: {}, headers });
  const requests = [
    () => bench.call("GET", "/v1/jobs", { token: "garbage", headers }),
    () => post("/v1/leads/refused/none"),
    () => post("/v1/webhooks/refused/none"),
    () => post("/v1/leads/refused/none/crm-callback"),
    () => post("/v1/events/refused"),
    () => bench.call("GET", "/trpc/jobs.list", { token: "garbage", headers }),
  ];
  const statuses: number[] = [];
  for (const ask of requests) statuses.push((await ask()).status);
  expect(statuses).toEqual([401, 401, 401, 429, 429, 429]);
  expect(counted).toEqual(Array(6).fill("2001:db8:1:2::/64"));
  expect((await bench.call("GET", "/v1/tenants/refused/tokens", { token: root, headers })).status).toBe(200);
  expect(counted).toHaveLength(6);
  bench.deps.auth.mayBeRefused = async () => Promise.reject(new Error("limiter down"));
  expect((await bench.call("GET", "/v1/jobs", { token: "garbage", headers })).status).toBe(401);
});
