import { connect } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { hello, play, type Playing } from "./sandbox.ts";

let sandbox: Playing;

beforeAll(async () => {
  sandbox = await play();
});

beforeEach(() => sandbox.ask("POST", "/__reset"));

afterAll(() => sandbox.close());

describe("hostile requests", () => {
  it("refuses bodies over 12 MB, whatever length they claim, and keeps the first 64 KB of the others", async () => {
    const big = await sandbox.send("x".repeat(12 * 1024 * 1024 + 1));
    expect(big.status).toBe(413);
    expect(await sandbox.calls()).toEqual([]);
    expect((await sandbox.send("x".repeat(12 * 1024 * 1024))).status).toBe(400);
    expect((await sandbox.calls()).map(({ body }) => body)).toEqual(["x".repeat(64 * 1024)]);
  });

  it("answers addresses it does not know, and methods it does not allow", async () => {
    expect((await sandbox.ask("GET", "/nowhere")).status).toBe(404);
    expect((await sandbox.ask("GET", "/__proto__")).status).toBe(404);
    expect((await sandbox.ask("GET", "/__mailbox/../../etc")).status).toBe(404);
    const wrong = await sandbox.ask("PATCH", "/__calls");
    expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "GET, DELETE"]);
  });

  it.each(["//", "http://", "/%", "/mail/%ff%00", "*"])("survives the address %j", async (address) => {
    const answer = await raw(`GET ${address} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
  });

  it("survives a sender that breaks off", async () => {
    const socket = connect(sandbox.port, "127.0.0.1");
    socket.write("POST /mail/emails HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{");
    await new Promise((resolve) => socket.once("connect", resolve));
    socket.destroy();
    expect((await sandbox.send(hello)).status).toBe(200);
  });

  it("answers every JSON with a refusal or an id, never with a failure of its own", async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), fc.constantFrom("/mail/emails", "/mail/emails/batch", "/__faults"), async (body, path) => {
        const answer = await sandbox.ask("POST", path, JSON.stringify(body), { authorization: "Bearer re_test" });
        expect(answer.status).toBeGreaterThanOrEqual(200);
        expect(answer.status).toBeLessThan(500);
      }),
      { numRuns: 100 },
    );
  });

  it("lets go of held connections when it closes", async () => {
    const closing = await play();
    await closing.fault({ timeoutAfterAccept: true });
    const held = closing.send(hello).then(
      () => "answered",
      () => "let go",
    );
    while ((await closing.calls())[0]?.end !== "held") await new Promise(setImmediate);
    await closing.close();
    expect(await held).toBe("let go");
  });
});

/** Sends bytes as they are and gives back all that comes. */
function raw(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const received: Buffer[] = [];
    const socket = connect(sandbox.port, "127.0.0.1", () => socket.write(bytes));
    socket.on("data", (chunk) => received.push(chunk));
    socket.on("close", () => resolve(Buffer.concat(received).toString()));
    socket.on("error", reject);
  });
}
