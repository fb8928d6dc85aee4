import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { createLedger } from "../../src/ledger/ledger";
import { createSampleQueries } from "../../src/ledger/samples";
import { root, createIntakeBench } from "../intake/bench";
import { lease, messageOf, newJobs, noon, transition } from "../support/rows";

const ledger = createLedger(env.DB, () => undefined);
const samples = createSampleQueries(env.DB);
const bench = createIntakeBench();
const text = (content: string) => JSON.stringify({ text: content });

beforeAll(async () => {
  for (const tenant of ["sample-a", "sample-b"]) await bench.tenant(tenant);
  const open = await newJobs("sample-a", 60, { type: "note", payload: text("open") });
  const older = await newJobs("sample-a", 3, { type: "note", version: 0, payload: text("older") });
  const [dead, done] = await newJobs("sample-b", 2, { type: "note", payload: text("dead") });
  await ledger.insert([...open, ...older, dead!, done!, ...(await newJobs("sample-b", 2, { type: "email" }))]);
  await ledger.claim([dead!, done!].map(messageOf), lease("mine"));
  const was = { wake: null, gate: null };
  await ledger.settle([transition(dead!, { state: "dead", reason: "it broke", event: "dead", was }), transition(done!, { was })], "mine", noon);
});

describe("samples", () => {
  test("are open and dead jobs of the names, twenty of a version at most, and nothing that is done", async () => {
    const found = await samples(["note", "former-note"], null);
    const counts = Object.fromEntries([...Map.groupBy(found, ({ version, state }) => `${version} ${state}`)].map(([key, rows]) => [key, rows.length]));
    expect(counts).toEqual({ "0 queued": 3, "1 queued": 19, "1 dead": 1 });
    expect(new Set(found.map(({ type }) => type))).toEqual(new Set(["note"]));
  });

  test("of a tenant that is named are its own alone; of names that no job has there are none", async () => {
    expect((await samples(["note"], "sample-b")).map(({ tenant, state, payload }) => [tenant, state, payload])).toEqual([["sample-b", "dead", text("dead")]]);
    expect(await samples(["nothing"], null)).toEqual([]);
    expect(await samples(["note"], "nobody")).toEqual([]);
  });
});

describe("GET /v1/types/{type}/sample", () => {
  const get = (path: string, options = {}) => bench.call("GET", `/v1/types/${path}/sample`, { token: root, ...options });

  test("hands payloads out whole, to the root token, and records it", async () => {
    const answer = await get("note", { tenant: "sample-b" });
    expect(answer.body).toEqual({
      type: "note",
      version: 1,
      samples: [{ id: expect.any(String), tenant: "sample-b", version: 1, state: "dead", payload: { text: "dead" } }],
    });
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(bench.seen.audits.at(-1)).toMatchObject({ tenant: "sample-b", actor: "root", action: "sample", target: "note" });
    await get("note");
    expect(bench.seen.audits.at(-1)).toMatchObject({ tenant: "system" });
  });

  test("shows nothing when it cannot be recorded", async () => {
    const mute = createIntakeBench();
    mute.deps.audit = async () => Promise.reject(new Error("no audit"));
    expect((await mute.call("GET", "/v1/types/note/sample", { token: root })).status).toBe(500);
  });

  test("answers 404 for an unknown type, and loads at most ten payloads from R2", async () => {
    expect((await get("nothing")).status).toBe(404);
    const loads: string[] = [];
    bench.deps.loadPayload = async (ref) => (loads.push(ref), text(ref));
    bench.deps.samples = async () =>
      Array.from({ length: 15 }, (_, index) => ({
        tenant: "sample-a",
        id: `id-${index}`,
        type: "note",
        version: 1,
        state: "queued" as const,
        payload: null,
        ref: `ref-${index}`,
      }));
    expect((await get("note")).body.samples).toHaveLength(10);
    expect(loads).toHaveLength(10);
  });
});
