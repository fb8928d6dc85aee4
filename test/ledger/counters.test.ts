import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { Counters, maxCountsKept } from "../../src/ledger/counters";

const noon = Date.UTC(2026, 10, 21, 12);

/** A database whose next batch is refused, or done without an answer. */
function troubled(how: "refused" | "unanswered") {
  let isTroubled = true;
  const batch = async (statements: D1PreparedStatement[]) => {
    if (!isTroubled) return env.DB.batch(statements);
    isTroubled = false;
    if (how === "refused") throw new Error("D1_ERROR: D1 DB is overloaded. Too many requests queued.");
    await env.DB.batch(statements);
    throw new Error("Network connection lost.");
  };
  return { prepare: (sql: string) => env.DB.prepare(sql), batch } as unknown as D1Database;
}

describe("counts", () => {
  test.each(["refused", "unanswered"] as const)("whose answer is lost are not added again; refused ones are: %s", async (how) => {
    const troubles: string[] = [];
    const counters = new Counters(
      troubled(how),
      () => noon,
      () => undefined,
      (event) => troubles.push(event.event),
    );
    counters.add(how, "email", "done", 5, 3);
    counters.time(how, "email", { run: 5, wait: null });
    await counters.flush();
    expect(troubles).toEqual(["trouble"]);
    counters.add(how, "email", "done", 5, 4);
    await counters.flush();
    const counted = await env.DB.prepare("SELECT sum(n) AS n, sum(ms) AS ms FROM counters WHERE tenant = ?").bind(how).first();
    expect(counted).toEqual({ n: 7, ms: 10 });
    const runs = await env.DB.prepare("SELECT run_ms AS ms FROM durations WHERE tenant = ?").bind(how).first();
    expect(runs).toEqual({ ms: 5 });
  });

  test("gather no further than a bound while D1 refuses them: the oldest are dropped", async () => {
    const counters = new Counters(
      troubled("refused"),
      () => noon,
      () => undefined,
      () => undefined,
    );
    for (let index = 0; index < maxCountsKept + 5; index++) counters.add("bounded", `type-${String(index).padStart(5, "0")}`, "done", 1);
    await counters.flush();
    await counters.flush();
    const counted = await env.DB.prepare("SELECT count(*) AS rows, min(type) AS first FROM counters WHERE tenant = 'bounded'").first();
    expect(counted).toEqual({ rows: maxCountsKept, first: "type-00005" });
  });
});
