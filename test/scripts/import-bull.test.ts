import fc from "fast-check";
import { writeFileSync } from "node:fs";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it, test } from "vitest";
import { cronFromEvery, cronFromPattern } from "../../scripts/import-bull/cron.ts";
import { Failure } from "../../scripts/import-bull/failure.ts";
import { type Entry, mapOf, readMap } from "../../scripts/import-bull/map.ts";
import { readOptions } from "../../scripts/import-bull/options.ts";
import { createProgress } from "../../scripts/import-bull/progress.ts";
import { attemptsMade, requestFrom } from "../../scripts/import-bull/request.ts";
import { resolve } from "../../scripts/import-bull/value.ts";

const folder = mkdtempSync(join(tmpdir(), "jobyard-map-"));
afterAll(() => rmSync(folder, { recursive: true }));

function failureOf(act: () => unknown): Failure {
  try {
    act();
  } catch (cause) {
    if (cause instanceof Failure) return cause;
    throw cause;
  }
  throw new Error("it did not fail");
}

describe("intervals as cron patterns", () => {
  test.each([
    [60_000, "* * * * *"],
    [300_000, "*/5 * * * *"],
    [3_600_000, "0 * * * *"],
    [21_600_000, "0 */6 * * *"],
    [86_400_000, "0 0 * * *"],
    [604_800_000, "0 0 * * 4"],
  ])("%i ms", (every, cron) => expect(cronFromEvery(every)).toMatchObject({ cron }));

  test.each([0, NaN, 7000, 90_000, 59_999, 420_000, 5 * 3_600_000, 2 * 86_400_000])("%s ms has none", (every) => {
    expect(cronFromEvery(every)).toHaveProperty("fault");
  });

  test("a pattern fires as often as the interval says", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1440 }), (minutes) => {
        const made = cronFromEvery(minutes * 60_000);
        if ("fault" in made) return minutes < 60 ? 60 % minutes !== 0 : 1440 % minutes !== 0 || minutes % 60 !== 0;
        const [minute = "", hour = ""] = made.cron.split(" ");
        const perHour = minute === "*" ? 60 : minute.startsWith("*/") ? 60 / Number(minute.slice(2)) : 1;
        const hours = hour === "*" ? 24 : hour.startsWith("*/") ? 24 / Number(hour.slice(2)) : 1;
        return perHour * hours * minutes === 1440;
      }),
    );
  });
});

describe("patterns", () => {
  test.each([
    ["0 3 * * *", "0 3 * * *"],
    ["  0   3 * * MON-FRI ", "0 3 * * MON-FRI"],
    ["0 0 3 ? * *", "0 3 * * *"],
    ["@Daily", "0 0 * * *"],
  ])("%s", (pattern, cron) => expect(cronFromPattern(pattern)).toEqual({ cron }));

  it("says when the second moves, and refuses what fires several times a minute or is none", () => {
    expect(cronFromPattern("30 0 3 * * *")).toEqual({ cron: "0 3 * * *", note: "runs at second 0 instead of 30" });
    expect(cronFromPattern("*/10 * * * * *")).toHaveProperty("fault");
    expect(cronFromPattern("@reboot")).toHaveProperty("fault");
  });
});

describe("the map", () => {
  const entry = { queue: "mail", name: "welcome", type: "email", tenant: { path: "data.orgId" } };

  it("finds the entry of a name before that of all names", () => {
    const map = mapOf([entry, { ...entry, name: "*", type: "other" }]);
    expect([map.find("mail", "welcome")?.type, map.find("mail", "x")?.type, map.find("sms", "welcome")]).toEqual(["email", "other", undefined]);
  });

  test.each<[unknown, RegExp]>([
    [{}, /must be an array/],
    [[{ ...entry, tenant: undefined }], /0\.tenant/],
    [[{ ...entry, tenant: "acme" }], /0\.tenant: must be \{"path"/],
    [[{ ...entry, tenant: { path: "orgId" } }], /0\.tenant\.path: must be a path like "data.orgId"/],
    [[{ ...entry, payload: { fields: { to: { pth: "data.to" } } } }], /0\.payload\.fields\.to/],
    [[{ ...entry, type: "No Type" }], /0\.type: must be a type/],
    [[{ ...entry, dedup: true }], /must be "accept"/],
    [[{ ...entry, extra: 1 }], /0\.extra/],
    [[entry, entry], /two entries/],
  ])("%j is refused with its place", (input, message) => expect(failureOf(() => mapOf(input)).message).toMatch(message));

  it("that is no file or no JSON is refused", () => {
    const file = join(folder, "map.json");
    expect(failureOf(() => readMap(file)).message).toContain("ENOENT");
    writeFileSync(file, "[{]");
    expect(failureOf(() => readMap(file))).toMatchObject({ code: 2, message: expect.stringContaining("JSON") });
  });
});

describe("values", () => {
  const scope = { data: { org: { id: 42 }, list: ["a", "b"], nothing: null }, opts: { priority: 1 } };

  test.each<[unknown, unknown]>([
    [{ path: "data.org.id" }, 42],
    [{ path: "data.list.1" }, "b"],
    [{ path: "data.nothing" }, null],
    [{ path: "data.none.deeper" }, undefined],
    [{ path: "data.__proto__.toString" }, undefined],
    [{ path: "data.org.id", values: { "42": "acme" } }, "acme"],
    [{ path: "data.org.id", values: { "43": "acme" } }, undefined],
    [{ path: "opts.priority", values: { "2": "low" }, otherwise: "high" }, "high"],
    [{ path: "data.org.id", prefix: "org-" }, "org-42"],
    [{ const: { a: 1 } }, { a: 1 }],
    [{ fields: { id: { path: "data.org.id" }, none: { path: "data.none" }, deep: { fields: { b: { const: 0 } } } } }, { id: 42, deep: { b: 0 } }],
  ])("%j", (source, value) => expect(resolve(source as Entry["tenant"], scope)).toEqual(value));
});

describe("a request", () => {
  const queue = { prefix: "bull", name: "mail", base: "bull:mail:", library: "bullmq", major: "6", paused: false } as const;
  const map = mapOf([{ queue: "mail", name: "*", type: "email", tenant: { path: "data.orgId" } }]);
  const job = {
    id: "1",
    score: "",
    place: "wait",
    why: "",
    name: "welcome",
    data: '{"orgId":"acme"}',
    opts: "{}",
    timestamp: "5",
    attempts: 0,
    dedup: "",
    sha: "",
    started: "",
    failedReason: "",
  } as const;
  const all = { names: [], tenants: [] };
  const now = 1_800_000_000_000;
  const delayedTo = (at: number) => ({ ...job, place: "delayed", score: String(at * 4096 + 17) }) as const;

  it("runs a delayed job at its time, one that is overdue now, and leaves one that is too far away", () => {
    expect(requestFrom(delayedTo(now + 5000), queue, map, all, now)).toMatchObject({
      request: { tenant: "acme", job: { runAt: new Date(now + 5000).toISOString() } },
    });
    expect(requestFrom(delayedTo(now - 5000), queue, map, all, now)).not.toHaveProperty("request.job.runAt");
    expect(requestFrom(delayedTo(now + 400 * 86_400_000), queue, map, all, now)).toEqual({ reason: "due" });
  });

  it("says how many attempts are left: none fewer than one, none more than the type has", () => {
    const left = (made: number, configured: number | undefined, max: number) => max - attemptsMade({ made, configured }, max);
    expect([left(0, undefined, 5), left(2, undefined, 5), left(0, 3, 5), left(1, 3, 5), left(3, 3, 5), left(9, 3, 5), left(1, 10, 5)]).toEqual([
      5, 3, 3, 2, 1, 1, 5,
    ]);
    const tried = { ...job, attempts: 2, opts: '{"attempts":4}' };
    expect(requestFrom(tried, queue, map, all, now)).toMatchObject({ attempts: { made: 2, configured: 4 } });
    expect(requestFrom({ ...tried, place: "active" }, queue, map, all, now)).toMatchObject({ attempts: { made: 3, configured: 4 } });
  });

  it("is the same whenever it is made, and its key is one that the product takes", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.jsonValue(), (id, timestamp, more) => {
        const made = () => requestFrom({ ...job, id, timestamp, data: JSON.stringify({ orgId: "acme", more }) }, queue, map, all, now);
        const judged = made();
        expect(made()).toEqual(judged);
        expect("request" in judged && judged.request.job.idempotencyKey).toMatch(/^[\x20-\x7e]{1,256}$/);
      }),
    );
  });

  test.each(["", "Acme", "a/b", "ä", "a".repeat(64), null, 1.5, {}, []])("of the tenant %j is refused", (orgId) => {
    expect(requestFrom({ ...job, data: JSON.stringify({ orgId }) }, queue, map, all, now)).toEqual({ reason: "tenant" });
  });
});

describe("the command line", () => {
  const product = ["--to", "https://jobs.example.com", "--token", "t"];

  it("plans unless it is asked for more, and takes secrets from the environment", () => {
    expect(readOptions(["--url", "redis://r"], {})).toMatchObject({ mode: "plan", prefix: "bull", to: undefined });
    const environment = { REDIS_URL: "redis://r", JOBYARD_URL: "https://jobs.example.com/", JOBYARD_TOKEN: "t" };
    expect(readOptions(["--follow", "--map", "m", "--queue", "a", "--queue", "b"], environment)).toMatchObject({
      mode: "follow",
      to: "https://jobs.example.com",
      token: "t",
      queues: ["a", "b"],
    });
    expect(readOptions(["--help"], {})).toBeUndefined();
  });

  test.each<[string[], RegExp]>([
    [[], /--url or REDIS_URL/],
    [["--url", "redis://r", "--take", "--rollback"], /Choose one of --take, --rollback/],
    [["--url", "redis://r", "--take", "--map", "m"], /--take needs the product/],
    [["--url", "redis://r", "--take", ...product], /--take needs --map/],
    [["--url", "redis://r", "--to", "http://jobs.example.com", "--token", "t"], /must be an https address/],
    [["--url", "redis://r", "--to", "https://jobs.example.com/v1", "--token", "t"], /without a path/],
    [["--url", "redis://r", "--to", "jobs.example.com", "--token", "t"], /must be the address/],
    [["--url", "redis://r", "--lock-seconds", "0"], /whole seconds/],
    [["--url", "redis://r", "--tak"], /Unknown option '--tak'/],
  ])("%j is refused", (args, message) => expect(failureOf(() => readOptions(args, {}))).toMatchObject({ code: 2, message: expect.stringMatching(message) }));
});

describe("the progress", () => {
  const shown = (isTTY: boolean) => {
    let now = 0;
    const written: string[] = [];
    const progress = createProgress({ isTTY, write: (text: string) => written.push(text) } as unknown as NodeJS.WriteStream, () => (now += 1000));
    for (let done = 0; done <= 20; done += 2) progress.show("mail", done, 20);
    progress.print("The product is away.");
    progress.end();
    return written;
  };

  it("is a bar on a terminal, and a line every five seconds elsewhere", () => {
    expect(shown(true)).toContain("mail ███████████████░░░░░░░░░░░░░░░ 10 of 20");
    expect(shown(true).at(-1)).toBe("The product is away.\n");
    expect(shown(false)).toEqual(["mail: 8 of 20\n", "mail: 18 of 20\n", "mail: 20 of 20\n", "The product is away.\n"]);
  });
});
