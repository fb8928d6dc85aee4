import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { keepDayLimit, readDayLimit } from "../../../src/domain/installation/day-limit";

const minute = 60_000;
const at = Date.UTC(2026, 10, 21, 12);

test("what the ticks of a day see of D1's limit is written each five minutes, with its first moment", async () => {
  const puts: string[] = [];
  const kv = {
    get: env.CONFIG.get.bind(env.CONFIG),
    put: (...all: Parameters<KVNamespace["put"]>) => (puts.push(all[0]), env.CONFIG.put(...all)),
  } as unknown as KVNamespace;
  expect(await readDayLimit(kv)).toBeNull();
  for (let n = 0; n < 12; n++) await keepDayLimit(kv, { limit: "write", since: at + n * minute, seen: at + n * minute });
  expect(await readDayLimit(kv)).toEqual({ limit: "write", since: at, seen: at + 10 * minute });
  expect(puts.toSorted()).toEqual(["d1-day-limit", "d1-day-limit", "d1-day-limit", "d1-free-plan"]);
  const next = at + 24 * 60 * minute;
  await keepDayLimit(kv, { limit: "write", since: next, seen: next });
  expect(await readDayLimit(kv)).toMatchObject({ since: next });
});
