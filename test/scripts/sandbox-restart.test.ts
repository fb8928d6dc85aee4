import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hello, play, type Playing, unanswered } from "./sandbox.ts";

const day = 24 * 3600 * 1000;
let stateDir: string;
let file: string;
let clock = Date.now();
let played: Playing[] = [];

beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), "jobyard-sandbox-"));
  file = join(stateDir, "sandbox", "accepted.jsonl");
});
afterEach(async () => {
  await Promise.all(played.map((each) => each.close()));
  played = [];
  rmSync(stateDir, { recursive: true });
});

/** The one before is not closed: its file is as a `kill -9` at this moment would leave it. */
async function start(): Promise<Playing> {
  const sandbox = await play({ stateDir, now: () => clock });
  played.push(sandbox);
  return sandbox;
}

const received = async (sandbox: Playing) => (await sandbox.ask("GET", "/__mailbox?limit=1")).json()["received"];
const k1 = { "idempotency-key": "k1" };

describe("a sandbox that died", () => {
  it("has its mails, effects and keys when it is back, and sends nothing twice", async () => {
    const before = await start();
    const first = await before.send({ ...hello, subject: "One\u2028line\n" }, k1);
    await before.send(hello);
    const mails = await before.mails();
    const after = await start();
    expect(await after.mails()).toEqual(mails);
    expect((await after.send({ ...hello, subject: "One\u2028line\n" }, k1)).json()).toEqual(first.json());
    expect((await after.send(hello, k1)).status).toBe(409);
    expect(await after.effects()).toEqual({ total: 2, keyless: 1, keys: { k1: 1 }, repeated: {} });
    expect(await received(after)).toBe(2);
  });

  it("has the mail that it accepted and never answered", async () => {
    const before = await start();
    await before.fault({ timeoutAfterAccept: true });
    await unanswered(before, k1);
    const after = await start();
    expect((await after.send(hello, k1)).status).toBe(200);
    expect(await after.mails()).toHaveLength(1);
    expect(await received(after)).toBe(1);
  });

  it("has the number of calls of each destination, and the contacts of the CRM", async () => {
    const key = { authorization: "Bearer k" };
    const path = "/crm/crm/v3/objects/contacts";
    const upsert = (id: string, city: string) => ({ inputs: [{ idProperty: "email", id, properties: { city } }] });
    const before = await start();
    await before.ask("POST", "/slack/demo", { text: "a" });
    await before.ask("POST", "/make/demo", "{}", { "webhook-id": "msg-1" });
    await before.ask("POST", "/models/v1/chat/completions", { model: "good", messages: [{ role: "user", content: "?" }] }, key);
    await before.ask("POST", `${path}/batch/upsert`, upsert("a@b.example", "Brno"), key);
    await before.ask("PATCH", `${path}/100001`, { properties: { phone: "+1" } }, key);
    const after = await start();
    expect(await after.effects()).toMatchObject({ total: 5, keyless: 4, keys: { "msg-1": 1 } });
    expect((await after.ask("GET", `${path}/100001`, undefined, key)).json()).toMatchObject({
      properties: { email: "a@b.example", city: "Brno", phone: "+1" },
    });
    expect((await after.ask("POST", `${path}/batch/upsert`, upsert("A@b.example", "Praha"), key)).json()).toMatchObject({
      results: [{ id: "100001", new: false }],
    });
    const last = await start();
    expect((await last.ask("GET", path, undefined, key)).json()).toMatchObject({ results: [{ properties: { city: "Praha" } }] });
    await last.ask("POST", "/__reset");
    expect((await (await start()).ask("GET", path, undefined, key)).json()).toEqual({ results: [] });
  });

  it("frees a key whose request was refused or still running", async () => {
    const before = await start();
    await before.send({ ...hello, from: "nobody" }, { "idempotency-key": "refused" });
    await before.fault({ delayMs: 60_000 });
    const running = before.send(hello, k1).catch(() => "cut off");
    await expect.poll(() => before.calls("?key=k1")).toHaveLength(1);
    const after = await start();
    for (const key of ["refused", "k1"]) expect((await after.send(hello, { "idempotency-key": key })).status).toBe(200);
    await before.close();
    expect(await running).toBe("cut off");
    expect(await after.mails()).toHaveLength(2);
  });

  it("passes over a line that was being written, and goes on", async () => {
    await (await start()).send(hello, k1);
    appendFileSync(file, '[{"effect":{"provider":"mail","key":"k2","count":1}},{"mail":{"id":"x');
    expect(await (await start()).effects()).toMatchObject({ keys: { k1: 1 } });
    const last = await start();
    await last.send(hello, { "idempotency-key": "k3" });
    expect(await (await start()).effects()).toMatchObject({ keys: { k1: 1, k3: 1 } });
  });
});

describe("the file", () => {
  it("forgets keys after 24 hours, but not what they did", async () => {
    await (await start()).send(hello, k1);
    clock += day;
    const after = await start();
    expect(readFileSync(file, "utf8")).not.toContain("fingerprint");
    await after.send(hello, k1);
    expect((await (await start()).effects()).repeated).toEqual({ k1: 2 });
  });

  it("keeps the newest 10,000 mails, and how many there were", async () => {
    mkdirSync(join(stateDir, "sandbox"));
    const mail = (id: number) => ({ mail: { id: String(id), at: new Date(clock).toISOString(), ...hello, cc: [], bcc: [], replyTo: [], text: null } });
    writeFileSync(file, Array.from({ length: 10_005 }, (_, id) => `${JSON.stringify([mail(id)])}\n`).join(""));
    await start();
    expect(readFileSync(file, "utf8").trim().split("\n")).toHaveLength(10_001);
    const again = await start();
    expect(await received(again)).toBe(10_005);
    const mails = await again.mails("?limit=10000");
    expect([mails.length, mails[0]?.id, mails.at(-1)?.id]).toEqual([10_000, "5", "10004"]);
  });

  it.each(["POST /__reset", "DELETE /__calls"])("is emptied by %s", async (line) => {
    const [method = "", path = ""] = line.split(" ");
    const before = await start();
    await before.send(hello, k1);
    await before.ask(method, path);
    expect(readFileSync(file, "utf8")).toBe("");
    await before.send(hello, { "idempotency-key": "k2" });
    const after = await start();
    expect(await after.effects()).toMatchObject({ total: 1, keys: { k2: 1 } });
    expect(await received(after)).toBe(1);
    expect((await after.send({ ...hello, subject: "Other" }, k1)).status).toBe(200);
  });
});
