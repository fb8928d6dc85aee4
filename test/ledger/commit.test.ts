import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { createLedger } from "../../src/ledger/ledger";
import { createIds } from "../../src/queue/id";
import { recordingDb } from "../support/recorder";
import { newJob, newJobs } from "../support/rows";

test("many requests at once are two round trips, and each row is there when its request is answered", async () => {
  const { db, counts } = recordingDb();
  const ledger = createLedger(db, () => undefined);
  const rows = await newJobs("many", 40);
  await Promise.all(rows.map((row) => ledger.insert([row])));
  expect(counts.batches).toBe(2);
  expect(await env.DB.prepare("SELECT count(*) AS n FROM jobs WHERE tenant = 'many'").first("n")).toBe(40);
});

test("so are many keyed ones, each with the answer for its own row", async () => {
  const { db, counts } = recordingDb();
  const ledger = createLedger(db, () => undefined);
  const ids = createIds("id-secret-of-the-tests");
  const keys = Array.from({ length: 20 }, (_, index) => `key ${index % 15}`);
  const rows = await Promise.all(keys.map(async (key, index) => newJob({ tenant: "keyed-many", id: await ids.derive("keyed-many", [key]), fp: `${index}` })));
  const answers = await Promise.all(rows.map((row) => ledger.insertKeyed([row])));
  expect(counts.batches).toBe(2);
  expect(answers.flat().map(({ id }) => id)).toEqual(rows.map(({ id }) => id));
  expect(answers.flat().map(({ inserted, fp }) => [inserted, fp])).toEqual(rows.map(({ fp }, index) => [index < 15, index < 15 ? fp : `${index - 15}`]));
});
