import { describe, expect, test } from "vitest";
import { replayShape } from "../../src/intake/replay-shapes";
import { replaysShape } from "../../src/intake/routes/replays";
import { root } from "./bench";
import { iso } from "../../src/time/iso";
import { givenJob, now } from "./given";
import { bench, own, other, get, fits, givenDead, useTenants } from "./operations-bench";

useTenants();

describe("replays", () => {
  const replay = (body: unknown, token = own.admin) => bench.call("POST", "/v1/replays", { token, body });
  const cancelOpen = (token: string) => bench.call("POST", "/v1/jobs/cancel", { token, body: { filter: { type: "note" } } });
  const made = async () => (await get("/v1/replays")).body.replays;

  test.each([
    [{}, ""],
    [{ filter: {} }, "filter"],
    [{ filter: { type: undefined } }, "filter"],
    [{ ids: [] }, "ids"],
    [{ filter: { type: "note" }, ids: ["0"] }, ""],
    [{ plan: true }, ""],
    [{ filter: { state: "done" } }, "filter.state"],
    [{ filter: { q: "  " } }, "filter.q"],
    [{ filter: { from: "2026-10-02", to: "2026-10-01" } }, "filter.from"],
    [{ filter: { type: "note" }, canary: -1 }, "canary"],
    [{ filter: { type: "note" }, patch: {} }, "patch"],
    [{ filter: { type: "note" }, patch: [] }, "patch"],
    [{ filter: { type: "note" }, ratePerMinute: 0 }, "ratePerMinute"],
    [{ ids: Array(1001).fill("0") }, "ids"],
  ])("refuse %j", async (body, path) => {
    const answer = await replay(body);
    expect(answer.status).toBe(422);
    expect(answer.body.errors.map((issue: { path: string }) => issue.path)).toContain(path);
    expect(await made()).toEqual([]);
  });

  test("refuse ids of another tenant, by place", async () => {
    const ids = [await givenJob("ops-own"), await givenJob("ops-other"), "forged"];
    expect((await replay({ ids })).body).toMatchObject({ status: 422, errors: [{ path: "ids[1]" }, { path: "ids[2]" }] });
  });

  test("of the dead children of a job are planned and listed by their parent", async () => {
    const { operate, read } = await bench.tenant("ops-family");
    const parent = await givenDead("ops-family");
    const child = await givenJob("ops-family", { type: "note", state: "dead", parent, settled: { reason: "no" } });
    expect((await replay({ filter: { parent }, plan: true }, operate)).body).toMatchObject({ total: 1 });
    const listed = (await get(`/v1/dead-letters?parent=${parent}`, read)).body;
    expect(listed.deadLetters.map(({ id }: { id: string }) => id)).toEqual([child]);
    expect((await get(`/v1/dead-letters?parent=${parent}`, other.read)).body).toMatchObject({ status: 422, errors: [{ path: "parent" }] });
  });

  test("count a job that is named twice once", async () => {
    const [one, two] = [await givenDead("ops-own"), await givenDead("ops-own")];
    expect((await replay({ ids: [one, two, one, one], plan: true })).body).toMatchObject({ total: 2 });
  });

  test("are planned without being made", async () => {
    const { admin } = await bench.tenant("ops-planned");
    for (let n = 0; n < 7; n++) await givenDead("ops-planned");
    await givenDead("ops-planned", { at: now - 24 * 3_600_000 });
    const plan = await replay({ filter: { type: "note", from: "2026-10-01" }, plan: true }, admin);
    expect(plan).toMatchObject({ status: 200, body: { total: 7, byType: { note: 7 }, refused: [] } });
    expect((await get("/v1/replays", admin)).body.replays).toEqual([]);
  });

  test("with a patch, planned or not, need an admin and leave a row that names the fields and no value", async () => {
    const ids = [await givenDead("ops-own")];
    const patch = { connection: null, url: "https://attacker.example/x", "ada@x.example": 1 };
    for (const body of [
      { ids, patch },
      { ids, patch, plan: true },
      { ids, patch: {} },
      { ids, patch: null },
    ]) {
      expect((await replay(body, own.operate)).body).toMatchObject({ status: 403, detail: 'The field "patch" needs the scope "admin".' });
    }
    expect(bench.seen.audits).toEqual([]);
    expect((await replay({ ids, plan: true }, own.operate)).status).toBe(200);
    expect((await replay({ ids, patch, plan: true })).status).toBe(200);
    const patched = await replay({ ids, patch });
    const actor = expect.stringMatching(/^[a-z0-9-]+$/);
    const row = { tenant: "ops-own", actor, action: "patch", detail: "connection, url, [e-mail]", at: now };
    expect(bench.seen.audits).toEqual([
      { ...row, target: "plan" },
      { ...row, target: patched.body.id },
      { tenant: "ops-own", actor, action: "replay", target: patched.body.id, at: now },
    ]);
  });

  test("are made, watched and stopped once, by their own tenant", async () => {
    const ids = await Promise.all([1, 2].map(() => givenDead("ops-own")));
    const made = await replay({ ids, patch: { text: "new" }, ratePerMinute: 60, canary: 1 });
    expect(made.status).toBe(202);
    expect(fits(replayShape, made.body)).toBe(true);
    const path = made.headers.get("location") ?? "";
    expect(path).toBe(`/v1/replays/${made.body.id}`);
    expect((await get(path)).body).toMatchObject({ state: "running", ratePerMinute: 60 });
    expect((await get(path, other.read)).status).toBe(404);
    const abort = (token: string) => bench.call("POST", `${path}/abort`, { token });
    expect((await abort(other.operate)).status).toBe(404);
    expect((await abort(own.operate)).body).toMatchObject({ state: "stopped" });
    expect((await abort(own.operate)).body).toMatchObject({ status: 409, detail: "The replay has ended: it is stopped." });
  });

  test("with a patch go on by an admin alone, who leaves a row that names the fields", async () => {
    const { admin, operate } = await bench.tenant("ops-redirected");
    for (let n = 0; n < 2; n++) await givenDead("ops-redirected");
    const made = await replay({ filter: { type: "note" }, patch: { text: "new" }, canary: 1 }, admin);
    const call = (act: string, token: string) => bench.call("POST", `/v1/replays/${made.body.id}/${act}`, { token });
    expect((await call("abort", operate)).status).toBe(200);
    await cancelOpen(operate);
    bench.seen.audits.length = 0;
    expect((await call("resume", operate)).body).toMatchObject({ status: 403, detail: 'The replay has a patch: to resume it needs the scope "admin".' });
    expect((await get(`/v1/replays/${made.body.id}`, admin)).body).toMatchObject({ state: "stopped", unsent: 1, resumed: null });
    expect(bench.seen.audits).toEqual([]);
    const resumed = await call("resume", admin);
    expect(resumed.body).toMatchObject({ state: "running", resumed: { at: iso(now), reason: "an operator stopped it", stoppedAt: iso(now) } });
    expect(fits(replayShape, resumed.body)).toBe(true);
    expect(bench.seen.audits).toMatchObject([
      { action: "patch", target: made.body.id, detail: "text" },
      { action: "resume", target: `replays/${made.body.id}` },
    ]);
  });

  test("that have sent all their jobs are not stopped", async () => {
    const { operate } = await bench.tenant("ops-all-sent");
    const made = await replay({ ids: [await givenDead("ops-all-sent")] }, operate);
    const answer = await bench.call("POST", `/v1/replays/${made.body.id}/abort`, { token: operate });
    expect(answer.body).toMatchObject({ status: 409, detail: "The replay has sent all its jobs: there is nothing left to stop." });
  });

  test("change their rate while they run and go on when they were stopped, for those who may operate, and leave rows", async () => {
    const { operate, read } = await bench.tenant("ops-rate");
    for (let n = 0; n < 2; n++) await givenDead("ops-rate");
    const made = await replay({ filter: { type: "note" }, ratePerMinute: 60, canary: 1 }, operate);
    const path = made.headers.get("location") ?? "";
    const change = (body: unknown, token = operate) => bench.call("PATCH", path, { token, body });
    bench.seen.audits.length = 0;
    const changed = await change({ ratePerMinute: 600 });
    expect(changed).toMatchObject({ status: 200, body: { ratePerMinute: 600, tenant: "ops-rate" } });
    expect(fits(replayShape, changed.body)).toBe(true);
    expect((await change({ ratePerMinute: null })).body).toMatchObject({ ratePerMinute: null });
    for (const body of [{}, { ratePerMinute: 0 }, { ratePerMinute: 1.5 }, { ratePerMinute: 100_001 }, { ratePerMinute: "9" }, { rate: 9 }])
      expect((await change(body)).status, JSON.stringify(body)).toBe(422);
    expect((await change({ ratePerMinute: 9 }, read)).status).toBe(403);
    expect((await change({ ratePerMinute: 9 }, other.operate)).status).toBe(404);
    const resume = (token = operate) => bench.call("POST", `${path}/resume`, { token });
    expect((await resume()).body).toMatchObject({ status: 409, detail: "The replay is not stopped: it is running." });
    await bench.call("POST", `${path}/abort`, { token: operate });
    expect((await change({ ratePerMinute: 9 })).body).toMatchObject({ status: 409, detail: "The replay does not run: it is stopped." });
    expect((await resume(read)).status).toBe(403);
    expect((await resume(other.operate)).status).toBe(404);
    expect((await resume()).body).toMatchObject({
      status: 409,
      detail: "One job that the replay has sent has not ended yet and would count for the new canary: resume it once it has ended, or begin a new replay.",
    });
    await cancelOpen(operate);
    expect((await resume()).body).toMatchObject({ state: "running", reason: null, endedAt: null });
    const target = path.replace("/v1/", "");
    const entries = bench.seen.audits.filter((entry) => entry.target === target);
    expect(entries.map(({ action, target: of, detail }) => [action, of, detail])).toEqual([
      ["rate", target, "600 a minute"],
      ["rate", target, "as fast as they can"],
      ["abort", target, undefined],
      ["resume", target, undefined],
    ]);
    expect((await bench.call("DELETE", path, { token: operate })).headers.get("allow")).toContain("PATCH");
  });

  test("are listed with what they replay, without an address that was searched for and without values of a patch", async () => {
    const { admin, read } = await bench.tenant("ops-listed");
    await replay({ filter: { q: "ann@example.org", from: "2026-10-01" }, patch: { to: "eve@example.org", "eve@example.org": 1 } }, admin);
    const listed = await get("/v1/replays", read);
    expect(fits(replaysShape, listed.body)).toBe(true);
    expect(listed.body.replays).toMatchObject([
      { tenant: "ops-listed", filter: { q: "[e-mail]", from: "2026-10-01T00:00:00.000Z" }, ids: null, patched: ["to", "[e-mail]"] },
    ]);
    expect(listed.text).not.toContain("@example.org");
    expect((await get("/v1/replays", other.read)).body.replays).toEqual([]);
    const all = await bench.call("GET", "/v1/replays", { token: root });
    expect(all.body.replays).toContainEqual(listed.body.replays[0]);
    expect((await get("/v1/replays?cursor=nonsense")).status).toBe(422);
  });
});
