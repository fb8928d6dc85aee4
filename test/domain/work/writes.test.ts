import { expect, test } from "vitest";
import { recordingDb } from "../../support/recorder";
import { createWorkBench } from "../../support/work-bench";

/** Rows that D1 bills for jobs which one pull takes, each settled after so many heartbeats: of the way to the shelf, of the pull, and of all. */
async function rowsOf(count: number, beats = 0) {
  const { db, counts } = recordingDb();
  const bench = createWorkBench({ db, ledgerFirst: false });
  const { offer, pull, post } = await bench.tenant();
  await offer(count);
  const shelf = counts.written;
  const { body } = await pull({ max: count });
  expect(body.jobs).toHaveLength(count);
  const taken = counts.written - shelf;
  for (const { id, lease } of body.jobs) {
    for (let beat = 0; beat < beats; beat++) {
      bench.advance(20_000);
      expect((await post(`/${id}/beat`, { lease })).status).toBe(200);
    }
    expect((await post(`/${id}/settle`, { lease, outcome: { kind: "done", result: { made: 1 } } })).status).toBe(200);
  }
  await bench.settle();
  return { shelf, taken, all: counts.written };
}

test("a remote job writes eight rows: three to the shelf, three when it is taken, two when it is settled; and its pull one for all its jobs", async () => {
  expect(await rowsOf(1)).toEqual({ shelf: 3, taken: 4, all: 9 });
  expect(await rowsOf(10)).toEqual({ shelf: 30, taken: 31, all: 81 });
});

test("each heartbeat writes one more", async () => {
  expect(await rowsOf(1, 3)).toEqual({ shelf: 3, taken: 4, all: 12 });
});
