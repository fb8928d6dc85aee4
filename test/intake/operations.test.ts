import { describe, expect, test } from "vitest";
import { failureKind } from "../../src/ledger/failure-kind";
import { deadLettersShape, groupsShape } from "../../src/intake/shapes";
import { givenJob } from "./given";
import { other, get, fits, givenDead, useTenants } from "./operations-bench";

useTenants();

describe("dead letters", () => {
  const place = "0".repeat(34);

  test("are listed with what they failed of, never with a payload", async () => {
    const id = await givenDead("ops-own");
    await givenJob("ops-own", { state: "discarded", settled: { reason: "422 no such address" } });
    const group = await failureKind("note", "503");
    const { body, text } = await get(`/v1/dead-letters?state=dead&group=${group}&limit=3`);
    expect(body.deadLetters).toHaveLength(1);
    expect(body.deadLetters).toMatchObject([{ id, type: "note", state: "dead", reason: "503", diedAt: "2026-10-01T12:00:00.000Z" }]);
    expect(fits(deadLettersShape, body)).toBe(true);
    expect(text).not.toContain("anna@example.com");
    expect((await get("/v1/dead-letters?limit=1")).body).toMatchObject({ deadLetters: [{}], cursor: expect.any(String) });
    const groups = await get("/v1/dead-letters/groups");
    expect(groups.body.groups).toHaveLength(2);
    expect(groups.body.groups).toContainEqual(expect.objectContaining({ group, count: 1, examples: [id] }));
    expect(fits(groupsShape, groups.body)).toBe(true);
    expect((await get("/v1/dead-letters", other.read)).body.deadLetters).toEqual([]);
  });

  test.each(["state=queued", "group=", "reason=x", `cursor=${place}`, `cursor=x.${place}`, "cursor=1.garbage", "from=2026-10-01&to=2026-10-01"])(
    "refuse ?%s",
    async (query) => {
      expect((await get(`/v1/dead-letters?${query}`)).status).toBe(422);
    },
  );

  test("take a cursor of theirs", async () => {
    expect((await get(`/v1/dead-letters?cursor=1790000000000.${place}`)).status).toBe(200);
  });
});
