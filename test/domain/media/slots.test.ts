import { expect, test } from "vitest";
import { createSlots, type Slot, uploadLimits } from "../../../src/domain/media/slots";

const limits = { ...uploadLimits, maxPerTenant: 2, maxPerIsolate: 3, maxWaitingPerTenant: 1, maxWaiting: 2, maxWaitMs: 100, maxSilenceMs: 1000 };

/** A clock that a pause moves on. */
function bench() {
  let now = 0;
  const pause = async (ms: number) => void (now += ms);
  return { slots: createSlots(limits, () => now, pause), advance: (ms: number) => (now += ms) };
}

const slot = async (entered: Promise<Slot | { full: string }>): Promise<Slot> => {
  const got = await entered;
  if ("full" in got) throw new Error(`full: ${got.full}`);
  return got;
};

test("a tenant has its places, another one those that are left, and a place that is left is free again", async () => {
  const { slots } = bench();
  const first = await slot(slots.enter("a"));
  await slot(slots.enter("a"));
  expect(await slots.enter("a")).toEqual({ full: "tenant" });
  await slot(slots.enter("b"));
  expect(await slots.enter("b")).toEqual({ full: "isolate" });
  first.leave();
  await slot(slots.enter("b"));
});

test("one that waits gets the place that is left meanwhile", async () => {
  let now = 0;
  const held: Slot[] = [];
  const slots = createSlots(
    limits,
    () => now,
    async (ms) => {
      now += ms;
      if (now >= 50) held.pop()?.leave();
    },
  );
  held.push(await slot(slots.enter("a")));
  await slot(slots.enter("a"));
  await slot(slots.enter("a"));
  expect(now).toBe(50);
});

test("those that wait are bounded too", async () => {
  const { slots } = bench();
  await slot(slots.enter("a"));
  await slot(slots.enter("a"));
  const all = await Promise.all([slots.enter("a"), slots.enter("a"), slots.enter("a")]);
  expect(all).toEqual([{ full: "tenant" }, { full: "tenant" }, { full: "tenant" }]);
});

test("a slot without a renewal is free again; one that is renewed is kept", async () => {
  const { slots, advance } = bench();
  const going = await slot(slots.enter("a"));
  await slot(slots.enter("a"));
  advance(600);
  going.keep();
  advance(600);
  await slot(slots.enter("a"));
  expect(await slots.enter("a")).toEqual({ full: "tenant" });
});
