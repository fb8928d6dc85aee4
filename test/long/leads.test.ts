import { afterAll, beforeAll, expect, test } from "vitest";
import { startWay, type Way } from "../way/support/harness.ts";
import { openAgency, sideBySide } from "../way/support/leads.ts";
import { untilAllEnded } from "../way/support/until.ts";

let way: Way;

beforeAll(async () => {
  way = await startWay();
  await way.calm();
  await way.trouble({ longestDelay: 1 });
});
afterAll(() => way?.close());

test("a burst of 2,000 forms is answered, stored once and forwarded once", async () => {
  const agency = await openAgency(way, "burst");
  const answers = await sideBySide(16, 2000, (n) => agency.post({ FIRSTNAME: `Visitor ${n}`, EMAIL: `n${n}@burst.example`, PHONE: `030 ${10_000_000 + n}` }));
  expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
  await untilAllEnded(way, "burst", { jobs: 4000, seconds: 600, tickEvery: 10_000 });
  expect(await agency.stored()).toEqual({ leads: 2000, submissions: 2000 });
  expect([...(await agency.forwarded())].toSorted()).toEqual(answers.map(({ body }) => [String(body.id), 1]).toSorted());
});
