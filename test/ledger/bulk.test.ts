import { expect, test } from "vitest";
import { env } from "cloudflare:workers";
import { lists } from "../../src/d1";
import { createLedger } from "../../src/ledger/ledger";
import { envelopeOf } from "../../src/queue/envelope";
import { broughtBack } from "../../src/queue/placement";
import { recordingDb } from "../support/recorder";
import { foundBy, lease, messageOf, newJobs, noon, stored, transition } from "../support/rows";

test("no bound value reaches D1's 2,000,000 bytes, whatever the payloads hold", async () => {
  const { db, counts } = recordingDb();
  const ledger = createLedger(db, () => undefined);
  for (const [index, letter] of ["x", "ü", "語", "🎉", '"', "\\", "\u0001"].entries()) {
    const payload = JSON.stringify({ text: letter.repeat(14_000) });
    const rows = await newJobs(`bulk-${index}`, 60, { payload });
    await ledger.insert(rows);
    await ledger.claim(rows.map(messageOf), lease("mine"));
    expect(
      await ledger.settle(
        rows.map((row) => transition(row, { result: payload })),
        "mine",
        noon,
      ),
    ).toHaveLength(60);
    const { results } = await env.DB.prepare("SELECT DISTINCT payload, result FROM jobs WHERE tenant = ?").bind(`bulk-${index}`).all();
    expect(results).toEqual([{ payload, result: payload }]);
  }
  expect(counts.longestValue).toBeGreaterThan(400_000);
  expect(counts.longestValue).toBeLessThan(2_000_000);
});

test("lists are cut by their bytes and keep every item in order", () => {
  const items = Array.from({ length: 100 }, (_, index) => ["語".repeat(20_000), index]);
  const parts = lists(items);
  expect(parts.length).toBeGreaterThan(1);
  for (const part of parts) expect(new TextEncoder().encode(part).length).toBeLessThan(2_000_000);
  expect(parts.flatMap((part) => JSON.parse(part) as unknown[])).toEqual(items);
  expect(lists([])).toEqual([]);
});

test("ten thousand rows are written, claimed and settled in a few statements", async () => {
  const { db, counts, statements } = recordingDb();
  const ledger = createLedger(db, () => undefined);
  const rows = await newJobs("thousands", 10_000, { payload: JSON.stringify({ text: "x".repeat(100) }) });
  await ledger.insert(rows);
  expect(counts.written).toBe(10_000);
  expect(statements.length).toBeLessThan(12);
  const page = rows.slice(0, 100);
  expect((await ledger.claim(page.map(messageOf), lease("mine"))).claimed).toHaveLength(100);
});

test("text of any kind comes back as it went in", async () => {
  const ledger = createLedger(env.DB, () => undefined);
  const texts = ["", "'; DROP TABLE jobs; --", '{"a":[1,2,{"b":null}]}', "[1,2", "null", "0", "1e999", "日本語 🎉", "\u2028\u007f\t\n", "{{liquid}}"];
  const rows = await newJobs("texts", texts.length);
  await ledger.insert(
    rows.map((row, index) => ({
      ...row,
      payload: JSON.stringify({ text: texts[index] }),
      site: texts[index] ?? null,
      entities: [`order:${texts[index]}`, `lead:${texts[index]}`],
    })),
  );
  for (const [index, row] of rows.entries()) {
    expect(await stored(row)).toMatchObject({ payload: JSON.stringify({ text: texts[index] }), site: texts[index] });
    for (const key of ["order", "lead"]) expect(await foundBy("texts", `${key}:${texts[index]}`)).toEqual([row.id]);
  }
});

test("half a character in a result or a reason spoils nothing for other rows", async () => {
  const ledger = createLedger(env.DB, () => undefined);
  const rows = await newJobs("surrogates", 3);
  await ledger.insert(rows);
  await ledger.claim(rows.map(messageOf), lease("mine"));
  const result = JSON.stringify({ text: "half \ud83d of one" });
  const settled = await ledger.settle(
    rows.map((row, index) => transition(row, index === 1 ? { result, reason: "half \ud83d", state: "discarded", event: "discarded" } : {})),
    "mine",
    noon,
  );
  expect(settled).toHaveLength(3);
  expect(await stored(rows[1] ?? { tenant: "", id: "" })).toMatchObject({ result });
});

test("jobs whose payloads together exceed what an answer may hold are brought back whole", async () => {
  const ledger = createLedger(env.DB, () => undefined);
  const payload = JSON.stringify({ text: "語".repeat(30_000) });
  const rows = await newJobs("back", 15, { payload, wake: noon, due: noon, sent: null });
  await ledger.insert(rows);
  const due = (await ledger.due(["back"], noon, 100)).flatMap((page) => page.rows);
  expect(due.map(({ bytes }) => bytes).every((bytes) => bytes >= 90_000)).toBe(true);
  const back = await ledger.bringBack(
    due.map((row) => ({ ...row, place: broughtBack(noon, 0, 0), swept: false })),
    noon,
    "",
  );
  expect(back.map((row) => envelopeOf(row)).map((envelope) => ({ seq: envelope.seq, payload: envelope.payload === payload }))).toEqual(
    Array.from({ length: 15 }, () => ({ seq: 1, payload: true })),
  );
});
