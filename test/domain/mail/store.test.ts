import { env } from "cloudflare:workers";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { createCache } from "../../../src/domain/mail/cache";
import { putTemplate } from "../../../src/domain/mail/store";
import { templateAt, createTemplates } from "../../../src/domain/mail/queries";
import { templateContent } from "../../../src/domain/mail/model";

const db = env.DB;
const hello = { subject: "Hello", html: "<p>1</p>" };

describe("templates", () => {
  test("there is none of a foreign tenant", async () => {
    await putTemplate(db, "store-a", "welcome", hello, 1000);
    expect(await templateAt(db, "store-b", "welcome", 2000)).toBeNull();
    expect(await templateAt(db, "store-a", "other", 2000)).toBeNull();
  });

  test("unchanged content makes no new version, any change does", async () => {
    const put = (content: { subject: string; html?: string; text?: string }, now: number) => putTemplate(db, "store-c", "welcome", content, now);
    expect(await put(hello, 1000)).toEqual({ version: 1, changed: true });
    expect(await put({ ...hello }, 2000)).toEqual({ version: 1, changed: false });
    expect(await put({ ...hello, text: "1" }, 3000)).toEqual({ version: 2, changed: true });
    expect(await put({ subject: "Hello", text: "1" }, 4000)).toEqual({ version: 3, changed: true });
    expect(await put({ subject: "Hello!", text: "1" }, 5000)).toEqual({ version: 4, changed: true });
    expect(await put({ subject: "Hello!", text: "1" }, 6000)).toEqual({ version: 4, changed: false });
    // Going back is a new version as well.
    expect(await put(hello, 7000)).toEqual({ version: 5, changed: true });
  });

  test("a job gets the version of its own time, else the earliest", async () => {
    await putTemplate(db, "store-d", "welcome", hello, 1000);
    await putTemplate(db, "store-d", "welcome", { subject: "2", text: "two" }, 2000);
    await putTemplate(db, "store-d", "welcome", { subject: "3", text: "three" }, 3000);
    const templates = createTemplates(db);
    const versions = await Promise.all([0, 999, 1000, 1999, 2000, 2999, 3000, 9999].map((at) => templates.at("store-d", "welcome", at)));
    expect(versions.map((each) => each?.version)).toEqual([1, 1, 1, 1, 2, 2, 3, 3]);
    expect(versions[0]).toEqual({ id: "welcome", version: 1, subject: "Hello", html: "<p>1</p>", text: undefined, created: 1000 });
  });

  test("a clock that goes back does not give an older version the newer time", async () => {
    await putTemplate(db, "store-e", "welcome", hello, 5000);
    await putTemplate(db, "store-e", "welcome", { subject: "2", text: "two" }, 4000);
    expect((await templateAt(db, "store-e", "welcome", 4500))?.version).toBe(1);
    expect(await templateAt(db, "store-e", "welcome", 5000)).toMatchObject({ version: 2, created: 5000 });
  });

  test("writers side by side make one version each", async () => {
    const puts = Array.from({ length: 10 }, (_, index) => putTemplate(db, "store-f", "welcome", { subject: `${index}`, text: "x" }, 1000));
    const versions = (await Promise.all(puts)).filter(({ changed }) => changed);
    expect(versions).toHaveLength(10);
    expect((await templateAt(db, "store-f", "welcome", 1000))?.version).toBe(10);
  });

  test("finding one reads no more than the key", async () => {
    const plan = await db
      .prepare("EXPLAIN QUERY PLAN SELECT 1 FROM templates WHERE tenant = 'a' AND id = 'b' AND created <= 1 ORDER BY version DESC LIMIT 1")
      .all();
    expect(JSON.stringify(plan.results)).toContain("SEARCH templates USING");
    expect(JSON.stringify(plan.results)).not.toContain("TEMP B-TREE");
  });
});

describe("the body of a PUT", () => {
  test.each([
    [{}, ["subject"]],
    [{ subject: "" }, ["subject", "html"]],
    [{ subject: "x" }, ["html"]],
    [{ subject: "x", html: "", text: "y" }, ["html"]],
    [{ subject: "x", html: 1 }, ["html"]],
    [{ subject: "x", text: "y", colour: 1 }, ["colour"]],
    [{ subject: "x", text: "y".repeat(262_145) }, ["text"]],
  ])("%j has wrong %j", (body, paths) => {
    const result = v.safeParse(templateContent, body);
    expect((result.issues ?? []).map((issue) => v.getDotPath(issue))).toEqual(expect.arrayContaining(paths));
  });

  test("takes html, text or both", () => {
    expect(v.is(templateContent, { subject: "x", html: "y" })).toBe(true);
    expect(v.is(templateContent, { subject: "x", text: "y" })).toBe(true);
  });
});

describe("the cache of compiled templates", () => {
  test("keeps what was used last, within its weight", () => {
    const cache = createCache<string>(10);
    const made: string[] = [];
    const get = (key: string, weight: number) =>
      cache.get(key, weight, () => {
        made.push(key);
        return key;
      });
    expect(["a", "b", "a", "c", "a", "b"].map((key) => get(key, 4))).toEqual(["a", "b", "a", "c", "a", "b"]);
    expect(made).toEqual(["a", "b", "c", "b"]);
    get("huge", 100);
    get("huge", 100);
    expect(made.slice(4)).toEqual(["huge", "huge"]);
  });

  test("forgets what could not be made", () => {
    const cache = createCache<string>(10);
    expect(() => cache.get("a", 1, () => JSON.parse("{"))).toThrow();
    expect(cache.get("a", 1, () => "b")).toBe("b");
  });
});
