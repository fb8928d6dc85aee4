import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Answer, Api } from "./support/api.ts";
import { startWay, type Way } from "./support/harness.ts";
import { runtimeCpuMs } from "./support/processes.ts";
import { untilAllEnded, untilJob } from "./support/until.ts";

let way: Way;
let shop: Api;

const kilobytes = (count: number) => count * 1024;
const mailsTo = (to: string) => way.sandbox.mails(`?to=${encodeURIComponent(to)}`);
const plain = (to: string, text = "Hello") => ({ type: "email", payload: { to, subject: "Hello", text } });
const post = (body: unknown, path = "/v1/jobs"): Promise<Answer> => shop.ask("POST", path, { body });

beforeAll(async () => {
  way = await startWay();
  shop = await way.tenant("shop");
});
afterAll(() => way?.close());

/** A body without a Content-Length. */
function chunked(text: string, size = 64 * 1024): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  let from = 0;
  return new ReadableStream({
    pull(controller) {
      if (from >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(from, from + size));
      from += size;
    },
  });
}

describe("sizes", () => {
  test.each([
    ["95 KB", "x".repeat(kilobytes(95)), false],
    ["97 KB", "x".repeat(kilobytes(97)), true],
    ["64 KB of characters that are 97 KB of bytes", "é€".repeat(Math.ceil(kilobytes(97) / 5)), true],
    ["quotes and line breaks, which grow when they travel", '"\n\\'.repeat(kilobytes(20)), true],
  ])("a text of %s arrives as it was sent", async (name, text, isLarge) => {
    const to = `${name.replaceAll(/\W/g, "-").toLowerCase().slice(0, 30)}@sizes.example`;
    const { status, body } = await post(plain(to, text));
    expect(status).toBe(202);
    await untilJob(shop, body.id, "done");
    expect((await mailsTo(to)).map((mail) => mail.text === text)).toEqual([true]);
    expect(await way.rows("SELECT ref IS NOT NULL AS large FROM jobs WHERE id = ?", body.id)).toEqual([{ large: isLarge ? 1 : 0 }]);
  });

  test("a payload of 5 MB goes through a batch, not through the single call", async () => {
    const list = Array.from({ length: 5 * 1024 }, (_, index) => `${index}`.padEnd(kilobytes(1) - 4, "."));
    const job = {
      type: "email",
      payload: { to: "large@sizes.example", subject: "{{ list | size }} lines", text: "the last is {{ list | last | slice: 0, 4 }}", variables: { list } },
    };
    expect(JSON.stringify(job).length).toBeGreaterThan(5_000_000);
    expect(await post(job)).toMatchObject({ status: 413, body: { code: "too-large" } });
    const { body } = await post({ jobs: [job, plain("beside@sizes.example")] }, "/v1/jobs/batch");
    expect(body).toMatchObject({ accepted: 2, rejected: [] });
    await untilJob(shop, body.ids[0], "done");
    expect(await mailsTo("large@sizes.example")).toMatchObject([{ subject: "5120 lines", text: "the last is 5119" }]);
  });

  test("what is larger than a door takes is a 413, also when no length is announced", async () => {
    const two = JSON.stringify(plain("two@sizes.example", "x".repeat(2_000_000)));
    const eleven = JSON.stringify({ jobs: [plain("eleven@sizes.example", "x".repeat(11_000_000))] });
    const doors: [body: string, path: string][] = [
      [two, "/v1/jobs"],
      [eleven, "/v1/jobs/batch"],
    ];
    for (const [body, path] of doors) {
      for (const sent of [body, chunked(body)]) {
        const { status, text } = await post(sent, path);
        expect([status, text]).toEqual([413, expect.stringContaining("too-large")]);
      }
    }
    expect(await mailsTo("@sizes.example")).not.toEqual(expect.arrayContaining([expect.objectContaining({ to: ["two@sizes.example"] })]));
  });

  test("a body in small chunks is read like any other", async () => {
    const answer = await post(chunked(JSON.stringify(plain("chunks@sizes.example", "Grüße 🚀")), 3));
    expect(answer.status).toBe(202);
    await untilJob(shop, answer.body.id, "done");
    expect(await mailsTo("chunks@sizes.example")).toMatchObject([{ text: "Grüße 🚀" }]);
  });

  test("ten thousand jobs in one request, one more is refused, and a wrong one spoils none of the others", async () => {
    const jobs: unknown[] = Array.from({ length: 10_000 }, (_, index) => ({ type: "analytics", payload: { event: "order", value: index } }));
    expect(await post({ jobs: [...jobs, jobs[0]] }, "/v1/jobs/batch")).toMatchObject({ status: 422 });
    jobs[17] = { type: "analytics", payload: { event: "" } };
    jobs[18] = { type: "no-such-type", payload: {} };
    jobs[19] = "nonsense";
    const { status, body } = await post({ jobs }, "/v1/jobs/batch");
    expect(status).toBe(202);
    expect(body.accepted).toBe(9997);
    expect(body.rejected.map(({ index, code }: { index: number; code: string }) => [index, code])).toEqual([
      [17, "invalid"],
      [18, "invalid"],
      [19, "invalid"],
    ]);
    expect(body.ids.slice(16, 21)).toEqual([expect.any(String), null, null, null, expect.any(String)]);
    expect(new Set(body.ids.filter(Boolean)).size).toBe(9997);
    await untilAllEnded(way, "shop", { jobs: 9997 });
    const [sum] = await way.rows<{ n: number; v: number }>("SELECT count(*) AS n, sum(value) AS v FROM analytics_events WHERE tenant = 'shop'");
    expect(sum).toEqual({ n: 9997, v: 49_995_000 - 17 - 18 - 19 });
  });
});

describe("hostile JSON over the wire", () => {
  const nested = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`;
  const withVariable = (text: string) => `{"type":"email","payload":{"to":"h@hostile.example","subject":"s","text":"t","variables":{"a":${text}}}}`;

  test.each<[name: string, body: string | Uint8Array, status: number]>([
    ["nothing", "", 400],
    ["half an object", '{"type":"email"', 400],
    ["something behind the end", `${withVariable("1")} x`, 400],
    ["single quotes", "{'type':'email'}", 400],
    ["NaN", withVariable("NaN"), 400],
    ["bytes that are no UTF-8", new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]), 400],
    ["a list", "[]", 422],
    ["null", "null", 422],
    ["a depth of 100", withVariable(nested(100)), 422],
    ["a depth of 100,000", withVariable(nested(100_000)), 422],
    ["half a character", withVariable('"\\ud83d"'), 422],
    ["half a character in a name", withVariable('{"\\udc00":1}'), 422],
    ["a name that reaches the prototype", withVariable('{"__proto__":{"polluted":true}}'), 422],
    ["a number that would not arrive as it was sent", withVariable("12345678901234567890"), 422],
    ["a number beyond all", withVariable("1e999"), 422],
    ["an unknown field", '{"type":"email","payload":{"to":"a@hostile.example","subject":"s","text":"t","bcc":"x@hostile.example"}}', 422],
    ["a type that is a property of every object", '{"type":"constructor","payload":{}}', 422],
    ["a negative delay", '{"type":"email","payload":{"to":"a@hostile.example","subject":"s","text":"t"},"delaySeconds":-1}', 422],
    ["a header in an address", withVariable("1").replace("h@hostile.example", "h@hostile.example\\r\\nBcc: x@hostile.example"), 422],
  ])("%s is refused with its reason", async (_name, body, status) => {
    const answer = await post(body);
    expect([answer.status, answer.text]).toEqual([status, expect.stringContaining("urn:jobyard:problem:")]);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    if (status === 422) expect(answer.body.errors.length).toBeGreaterThan(0);
  });

  test.each([
    ["names that mean something to JavaScript", withVariable('{"toString":1,"valueOf":2,"hasOwnProperty":3,"length":4}')],
    ["zero characters and line separators", withVariable('"\\u0000\\u2028\\u2029"')],
  ])("%s is a payload like any other", async (_name, body) => {
    const answer = await post(body);
    expect([answer.status, answer.text]).toEqual([202, expect.any(String)]);
    await untilJob(shop, answer.body.id, "done");
  });

  test("a sender that goes away in the middle of its body leaves nothing behind", async () => {
    const before = await way.rows("SELECT count(*) AS n FROM jobs");
    const { port } = new URL(way.url);
    await new Promise<void>((resolve, reject) => {
      const socket = connect(Number(port), "127.0.0.1", () => {
        socket.write('POST /v1/jobs HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{"type":', () => socket.destroy());
      });
      socket.once("close", () => resolve()).once("error", reject);
    });
    expect((await shop.get("/healthz")).status).toBe(200);
    expect(await way.rows("SELECT count(*) AS n FROM jobs")).toEqual(before);
  });
});

describe("a body made to keep the Worker busy", () => {
  const batchOf = (payload: unknown, type = "email") => ({ jobs: [{ type, payload }] });
  const unknownFields = Object.fromEntries(Array.from({ length: 120 }, (_, index) => [`u${index}`, 1]));
  const attacks: [string, string, string, unknown][] = [
    ["240,000 recipients", "POST", "/v1/jobs", { type: "email", payload: { subject: "x", text: "y", to: Array(240_000).fill("x") } }],
    ["100,000 wrong entities", "POST", "/v1/jobs", { type: "email", payload: { subject: "x", text: "y", to: "a@b.example", about: Array(100_000).fill("x") } }],
    ["an address of 900,000 dots", "POST", "/v1/jobs", { type: "crm", payload: { email: `a@${".".repeat(900_000)}@`, properties: {} } }],
    ["a sender of 900,000 dots", "PUT", "/v1/connections/mail", { provider: "resend", apiKey: "re_0123456789abcdef", from: `a@${".".repeat(900_000)}@` }],
    ["5 MB of recipients in a batch", "POST", "/v1/jobs/batch", batchOf({ subject: "x", text: "y", to: Array(1_200_000).fill("x") })],
    ["an address of 5 MB in a batch", "POST", "/v1/jobs/batch", batchOf({ email: `a@${".".repeat(5_000_000)}@`, properties: {} }, "crm")],
    ["5,000 jobs of 120 unknown fields", "POST", "/v1/jobs/batch", { jobs: Array(5000).fill({ type: "email", payload: unknownFields }) }],
  ];

  /** CPU milliseconds of the Worker for this work, and for the answers to another caller meanwhile; at least one. */
  const cpuOf = async (work: () => Promise<unknown>): Promise<number> => {
    const before = runtimeCpuMs();
    let isOver = false;
    const working = work().finally(() => (isOver = true));
    do expect((await shop.ask("GET", "/healthz")).status).toBe(200);
    while (!isOver);
    await working;
    return runtimeCpuMs() - before;
  };

  test.each(attacks)("is refused for little work, and others are answered meanwhile: %s", async (_what, method, path, body) => {
    // Compared is with ten bodies of a fifth of the bytes that are refused unread. An attack of this kind computed for 36 seconds once.
    const plain = await cpuOf(async () => {
      for (let n = 0; n < 10; n++) await shop.ask("POST", "/v1/jobs", { body: { type: "email", payload: "x".repeat(900_000) } });
    });
    let answer: Answer = { status: 0, headers: new Headers(), text: "", body: undefined };
    const cpu = await cpuOf(async () => (answer = await shop.ask(method, path, { body })));
    expect([202, 422]).toContain(answer.status);
    expect(JSON.stringify(answer.body).length).toBeLessThanOrEqual(2 * JSON.stringify(body).length + 20_000);
    expect(cpu).toBeLessThan(20 * Math.max(plain, 100));
  });
});
