import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { keepDayLimit, metDayLimit } from "../../../src/domain/installation/day-limit";
import { ledgerLimit } from "../../../src/domain/installation/ledger-size";

const met = () => metDayLimit(env.CONFIG);
const at = Date.UTC(2026, 10, 21, 12);

test("the ledger may have 10 GB, and 500 MB once D1 has refused by the daily limit of its free plan, while it fits into that", async () => {
  expect(await ledgerLimit(undefined, 4e8, met)).toEqual({ bytes: 10_000_000_000, from: "paid-plan" });
  await keepDayLimit(env.CONFIG, { limit: "write", since: at, seen: at });
  expect(await ledgerLimit(undefined, 4e8, met)).toEqual({ bytes: 500_000_000, from: "free-plan" });
  expect(await ledgerLimit("", null, met)).toEqual({ bytes: 500_000_000, from: "free-plan" });
  expect(await ledgerLimit(undefined, 500_000_001, met)).toEqual({ bytes: 10_000_000_000, from: "paid-plan" });
});

test("MAX_LEDGER_BYTES comes before the plan; a malformed one is refused by name", async () => {
  expect(await ledgerLimit("2000000000", 4e8, async () => true)).toEqual({ bytes: 2_000_000_000, from: "variable" });
  for (const malformed of ["10 GB", "0", "-500000000", "99999", "5e8", "1".repeat(16)])
    await expect(ledgerLimit(malformed, 4e8, met), malformed).rejects.toThrow("MAX_LEDGER_BYTES must be a whole number of bytes, at least 100000");
});
