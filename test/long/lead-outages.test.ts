import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Answer } from "../way/support/api.ts";
import { startWay, type Way } from "../way/support/harness.ts";
import { type Agency, openAgency, sideBySide } from "../way/support/leads.ts";
import { until, untilAllEnded } from "../way/support/until.ts";

let way: Way;
const minutes = (count: number) => count * 60_000;

async function calm(): Promise<void> {
  await way.calm();
  await way.trouble({ longestDelay: 1 });
}

beforeAll(async () => {
  way = await startWay();
  await calm();
});
afterEach(async () => {
  await way.sandbox.ask("DELETE", "/__faults");
  await calm();
});
afterAll(() => way?.close());

const refused = (answers: readonly Answer[]) => answers.filter(({ status }) => status !== 200).map(({ status, text }) => `${status} ${text}`);
const idsOf = (answers: readonly Answer[]): string[] => answers.map(({ body }) => String(body.id));
const onceEach = (ids: readonly string[]) => new Map(ids.map((id) => [id, 1]));
const inOrder = (counts: ReadonlyMap<string, number>) => [...counts].toSorted();

/** Milliseconds within which a call is recorded, on a machine however busy. */
const recordMs = 60_000;

/** Make.com gets each submission once, and again only where D1 was in trouble (from, to) before it recorded the call: what cannot be known is sent again under its id. */
async function expectForwarded(agency: Agency, answers: readonly Answer[], troubles: readonly (readonly [number, number])[]): Promise<void> {
  const accepted = await agency.accepted();
  expect([...accepted.keys()].toSorted()).toEqual(idsOf(answers).toSorted());
  const isExplained = (at: number) => troubles.some(([from, to]) => from <= at + recordMs && at <= to);
  expect([...accepted].filter(([, times]) => !times.slice(0, -1).every(isExplained))).toEqual([]);
}

describe("a burst", () => {
  test("in whose middle D1 fails is answered all the same, and nothing is lost or stored twice", async () => {
    const count = 300;
    const agency = await openAgency(way, "middle");
    let answered = 0;
    let from = Infinity;
    const answers = await sideBySide(16, count, async (n) => {
      const answer = await agency.post({ email: `n${n}@middle.example` });
      answered++;
      if (answered === count / 4) from = way.now();
      if (answered === count / 4) await way.trouble({ db: "down", met: 0 });
      if (answered === (count * 3) / 4) await way.trouble({ db: "unanswered" });
      return answer;
    });
    expect(refused(answers)).toEqual([]);
    expect(await way.met()).toBeGreaterThan(0);
    await calm();
    const to = way.now();
    // What was running when its last call was lost is free when its lease has ended.
    await untilAllEnded(way, "middle", { jobs: 2 * count, seconds: 600, later: minutes(4) });
    expect(await agency.stored()).toEqual({ leads: count, submissions: count });
    await expectForwarded(agency, answers, [[from, to]]);
  });
});

describe("Make.com is down for an hour", () => {
  test("leads are stored, their forwards wait with a reason and go out once each when it is back", async () => {
    const count = 130;
    const agency = await openAgency(way, "patient");
    await way.sandbox.fault({ provider: "make", path: "/make/patient", status: 500 });
    const answers = await sideBySide(16, count, (n) => agency.post({ email: `n${n}@patient.example` }));
    expect(refused(answers)).toEqual([]);
    const waiting = async () =>
      (
        await way.rows<{ n: number }>(
          "SELECT count(*) AS n FROM jobs WHERE tenant = 'patient' AND type = 'webhook' AND state = 'waiting' AND reason = 'make: open'",
        )
      )[0]?.n;
    for (let minute = 0; minute < 60; minute += 12) {
      await way.tick(minutes(12));
      await until("all but the one that tries are held back", async () => (await waiting())! >= count - 1 || (await waiting()));
    }
    expect(await agency.stored()).toEqual({ leads: count, submissions: count });
    expect((await agency.api.get(`/v1/jobs/${answers[0]?.body.id}`)).body).toMatchObject({ state: "done", result: { forward: "handed on" } });
    const { jobs } = (await agency.api.get("/v1/jobs?type=webhook&state=waiting&limit=200")).body;
    expect(jobs[0]).toMatchObject({ waitingFor: "make: open" });
    // Five calls open the circuit; after that only probes are sent.
    expect((await way.sandbox.calls("?path=/make/patient&limit=10000")).length).toBeLessThan(5 + 25 + 12);
    expect(inOrder(await agency.forwarded())).toEqual([]);

    await way.sandbox.ask("DELETE", "/__faults");
    await untilAllEnded(way, "patient", { jobs: 2 * count, seconds: 600, later: minutes(6) });
    expect(inOrder(await agency.forwarded())).toEqual(inOrder(onceEach(idsOf(answers))));
  });
});

describe("when a lead comes", () => {
  const all = ["db", "queue", "kv", "analytics", "make"] as const;
  type Part = (typeof all)[number];
  const subsets = all.reduce<Part[][]>((sets, part) => [...sets, ...sets.map((set) => [...set, part])], [[]]);
  const holdsNowhere = (down: readonly Part[]) => down.includes("db") && down.includes("queue");

  async function breakDown(down: readonly Part[]): Promise<void> {
    await calm();
    await way.sandbox.ask("DELETE", "/__faults");
    if (down.includes("make")) await way.sandbox.fault({ provider: "make", status: 500 });
    await way.trouble(Object.fromEntries(down.filter((part) => part !== "make").map((part) => [part, "down"])));
  }

  test("whatever is down, it is taken and lives, as long as the queue or D1 is there", async () => {
    const agency = await openAgency(way, "combined");
    const taken: Answer[] = [];
    const troubles: [number, number][] = [];
    for (const down of subsets.filter((each) => !holdsNowhere(each))) {
      // Past the minute for which the settings of the tenant are remembered.
      await way.tick(minutes(2));
      const from = way.now();
      await breakDown(down);
      taken.push(await agency.post({ email: `${["x", ...down].join("-")}@combined.example` }));
      // The next round ends this trouble, two minutes later on the Worker's clock.
      if (down.includes("db")) troubles.push([from, way.now() + minutes(3)]);
    }
    expect(refused(taken)).toEqual([]);
    expect(taken).toHaveLength(24);
    await breakDown([]);
    await untilAllEnded(way, "combined", { jobs: 48, seconds: 600, later: minutes(6) });
    expect(await agency.stored()).toEqual({ leads: 24, submissions: 24 });
    await expectForwarded(agency, taken, troubles);
  });
});
