import { beforeAll, describe, expect, test } from "vitest";
import { createIntake } from "../../src/intake/router";
import { requestOf } from "./calls";
import { createIntakeBench, root, type Tokens } from "./bench";

const bench = createIntakeBench();

let own: Tokens;

beforeAll(async () => {
  own = await bench.tenant("http-bodies-own");
});

const post = (body: unknown, headers: Record<string, string> = {}) => bench.call("POST", "/v1/jobs", { token: own.enqueue, body, headers });

const good = { type: "note", payload: { text: "hello" } };

/** A body that comes in pieces and has no length; counts how many were taken. */
function stream(pieces: number, piece: Uint8Array) {
  const taken = { count: 0 };
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (taken.count++ < pieces) controller.enqueue(piece);
      else controller.close();
    },
  });
  return { body, taken };
}

describe("a body", () => {
  test.each([
    ["", "the text ends before the value does"],
    ['{"type":"note",}', "line 1, column 16: expected double-quoted property name"],
    ['{"type": "note"\n "payload": {}}', "line 2, column 2"],
    ["\u0000", "stands where a value is expected"],
  ])("that is not JSON is a 400 that says where: %j", async (text, detail) => {
    const answer = await post(text);
    expect(answer.body).toMatchObject({ status: 400, code: "malformed" });
    expect(answer.body.detail).toContain(detail);
  });

  test("that is not UTF-8 is a 400", async () => {
    expect((await post(new Uint8Array([0x22, 0xc0, 0xa0, 0x22]))).status).toBe(400);
    expect((await post(new Uint8Array([0x22, 0xe2, 0x82]))).status).toBe(400);
  });

  test("that says it is something else is a 415", async () => {
    for (const type of ["text/html", "multipart/form-data; boundary=x", "application/jsonp", "application/json; charset=latin1"]) {
      expect((await post(good, { "content-type": type })).status, type).toBe(415);
    }
    // text/plain and urlencoded are what fetch and curl -d send by themselves.
    for (const type of [
      "application/json",
      "Application/JSON; charset=UTF-8",
      "text/plain;charset=UTF-8",
      "application/x-www-form-urlencoded",
      'application/json;charset="utf-8"',
      "application/vnd.x+json",
    ]) {
      expect((await post(good, { "content-type": type })).status, type).toBe(202);
    }
  });

  test("that is compressed is a 415", async () => {
    for (const encoding of ["gzip", "br", "identity, gzip", "x"]) expect((await post(good, { "content-encoding": encoding })).status, encoding).toBe(415);
    for (const encoding of ["identity", "Identity", ""]) expect((await post(good, { "content-encoding": encoding })).status, encoding).toBe(202);
  });

  test("over its limit is a 413, counted while it arrives; a bounded rest is thrown away, so that the answer arrives", async () => {
    const { body, taken } = stream(1000, new Uint8Array(100_000).fill(0x20));
    const answer = await bench.call("POST", "/v1/jobs", { token: own.enqueue, body, headers: { "content-type": "application/json" } });
    expect(answer.body).toMatchObject({ status: 413, code: "too-large" });
    expect(taken.count).toBeLessThan(400);
  });

  test("is not believed about its length, too short or too long", async () => {
    const { body } = stream(20, new Uint8Array(100_000).fill(0x20));
    const lying = requestOf("POST", "/v1/jobs", { token: own.enqueue, body, headers: { "content-length": "10" } });
    expect((await createIntake(bench.deps)(lying)).status).toBe(413);
    const boasting = requestOf("POST", "/v1/jobs", { token: own.enqueue, body: good, headers: { "content-length": "2000000" } });
    expect((await createIntake(bench.deps)(boasting)).status).toBe(413);
  });

  test("may have exactly a megabyte, a batch ten", async () => {
    const padded = (bytes: number, value: unknown) => JSON.stringify(value).padEnd(bytes, " ");
    expect((await post(padded(1024 * 1024, good))).status).toBe(202);
    expect((await post(padded(1024 * 1024 + 1, good))).status).toBe(413);
    const batch = (bytes: number) => bench.call("POST", "/v1/jobs/batch", { token: own.enqueue, body: padded(bytes, { jobs: [good] }) });
    expect((await batch(10 * 1024 * 1024)).status).toBe(202);
    expect((await batch(10 * 1024 * 1024 + 1)).status).toBe(413);
  });

  test("in pieces that cut characters in two is put together again", async () => {
    const bytes = new TextEncoder().encode(JSON.stringify({ type: "note", payload: { text: "Ž😀ř" } }));
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const byte of bytes) controller.enqueue(new Uint8Array([byte]));
        controller.close();
      },
    });
    expect((await bench.call("POST", "/v1/jobs", { token: own.enqueue, body })).status).toBe(202);
    expect(bench.seen.requests.at(-1)?.payload).toEqual({ text: "Ž😀ř" });
  });
});

describe("hostile JSON", () => {
  const nested = (depth: number) => `{"type":"note","payload":{"text":"x","tree":${"[".repeat(depth)}${"]".repeat(depth)}}}`;

  test.each([
    [`{"type":"note","payload":{"text":"\\ud800"}}`, "payload.text"],
    [`{"type":"note","payload":{"text":"x","__proto__":{"admin":true}}}`, "payload.__proto__"],
    [`{"type":"note","payload":{"text":"x","tree":[1e999]}}`, "payload.tree[0]"],
    [`{"type":"note","payload":{"text":"x","tree":12345678901234567890}}`, "payload.tree"],
  ])("is a 422 with the path: %s", async (body, path) => {
    expect((await post(body)).body).toMatchObject({ status: 422, errors: expect.arrayContaining([expect.objectContaining({ path })]) });
  });

  test("may be nested 63 deep inside the payload's object, not 64, nor a million", async () => {
    expect((await post(nested(63))).status).toBe(202);
    expect((await post(nested(64))).status).toBe(422);
    expect((await post(nested(400))).status).toBe(422);
    expect((await post(nested(100_000))).status).toBe(422);
    expect((await post("[".repeat(1_000_000))).status).toBe(422);
  });

  test("is refused on every other route as well", async () => {
    const put = (body: string) => bench.call("PUT", "/v1/tenants/http-bodies-own", { token: root, body });
    expect((await put(`{"name":"x","__proto__":{}}`)).body).toMatchObject({ status: 422, errors: [{ path: "__proto__" }] });
    expect((await put(`{"name":"\\udfff"}`)).body).toMatchObject({ status: 422, errors: [{ path: "name" }] });
  });
});
