import * as fc from "fast-check";
import { afterEach, expect, test, vi } from "vitest";
import { createHttp } from "../../src/providers/http";
import type { HttpRequest } from "../../src/providers/http";
import { brokenBody, hangingBody, neverAnswers, stubFetch } from "./fetch-stub";
import type { Answer } from "./fetch-stub";

const rules = { allowLocal: false, ownHosts: ["jobs.example.com"] };

afterEach(() => vi.unstubAllGlobals());

async function call(request: Partial<HttpRequest>, ...answers: Answer[]) {
  const seen = stubFetch(...answers);
  const calls: string[] = [];
  const http = createHttp({ rules, onResult: (result) => calls.push(result) });
  const reply = await http({ url: "https://api.example.com/things", signal: new AbortController().signal, ...request });
  return { reply, seen, calls };
}

function classOf(reply: Awaited<ReturnType<typeof call>>["reply"]) {
  return reply.ok ? "ok" : reply.failure.class;
}

function redirectTo(location: string, status = 302) {
  return new Response(null, { status, headers: { location } });
}

test.each(["http://api.example.com/", "https://127.0.0.1/", "https://169.254.169.254/latest", "https://jobs.example.com/", "no url", ""])(
  "refuses to call %s",
  async (url) => {
    const { reply, seen, calls } = await call({ url }, new Response("{}"));
    expect([classOf(reply), seen.length, calls]).toEqual(["config", 0, []]);
  },
);

test("sends a traceparent with each request where it is given one, a redirect's too, and none otherwise", async () => {
  const seen = stubFetch(redirectTo("https://cdn.example.org/x"), new Response("there"));
  const spans = ["a", "b"].values();
  const http = createHttp({ rules, traceparent: () => `00-trace-${spans.next().value}-01` });
  await http({ url: "https://api.example.com/things", signal: new AbortController().signal, headers: { authorization: "x" } });
  expect(seen.map(({ headers }) => headers.get("traceparent"))).toEqual(["00-trace-a-01", "00-trace-b-01"]);
  expect(seen[1]?.headers.has("authorization")).toBe(false);
  const plain = await call({}, new Response("{}"));
  expect(plain.seen[0]?.headers.has("traceparent")).toBe(false);
});

test("refuses a header that cannot be sent, without calling", async () => {
  const { reply, seen } = await call({ headers: { authorization: "Bearer a\nb" } }, new Response("{}"));
  expect([classOf(reply), seen.length]).toEqual(["config", 0]);
});

test("makes no call for a run that has ended", async () => {
  const { reply, seen, calls } = await call({ method: "POST", signal: AbortSignal.abort() }, new Response("{}"));
  expect([classOf(reply), seen.length, calls]).toEqual(["transient", 0, []]);
});

const lost: [string, Answer][] = [
  ["the connection fails", new Error("Network connection lost.")],
  ["no answer comes in time", neverAnswers],
  ["a success breaks off", () => new Response(brokenBody('{"id":'))],
  ["a success never ends", () => new Response(hangingBody('{"id":'))],
];

test.each(lost)("when %s, a POST is uncertain and a GET transient", async (_what, answer) => {
  const post = await call({ method: "POST", body: "{}", timeLimit: 1 }, answer);
  expect([classOf(post.reply), post.calls]).toEqual(["uncertain", ["transient"]]);
  const get = await call({ timeLimit: 1 }, answer);
  expect([classOf(get.reply), get.calls]).toEqual(["transient", ["transient"]]);
  const harmless = await call({ method: "POST", repeatable: true, timeLimit: 1 }, answer);
  expect(classOf(harmless.reply)).toBe("transient");
});

test("a call stopped by the run is uncertain, and says nothing about the dependency", async () => {
  const run = new AbortController();
  const { reply, calls } = await call({ method: "POST", signal: run.signal }, (seen, signal) => {
    queueMicrotask(() => run.abort(new Error("cancelled")));
    return neverAnswers(seen, signal);
  });
  expect([classOf(reply), calls]).toEqual(["uncertain", []]);
});

test("a refusal is an answer even when its body breaks off or is too large", async () => {
  const broken = await call({ method: "POST" }, () => new Response(brokenBody('{"name":'), { status: 422 }));
  expect(broken.reply.ok && [broken.reply.value.status, broken.reply.value.json()]).toEqual([422, undefined]);
  expect(broken.calls).toEqual(["answered"]);
  const large = await call({ method: "POST", sizeLimit: 10 }, new Response("x".repeat(100), { status: 500 }));
  expect(large.reply.ok && large.reply.value.text()).toBe("x".repeat(10));
  expect(large.calls).toEqual(["transient"]);
});

test("a success that is too large is not read to its end", async () => {
  let pulled = 0;
  const endless = () =>
    new Response(
      new ReadableStream({
        pull(controller) {
          pulled++;
          controller.enqueue(new Uint8Array(1000));
        },
      }),
    );
  expect(classOf((await call({ sizeLimit: 10_000 }, endless)).reply)).toBe("permanent");
  expect(pulled).toBeLessThan(20);
  expect(classOf((await call({ method: "POST", sizeLimit: 10_000 }, endless)).reply)).toBe("uncertain");
});

test("follows a redirect of a GET, with credentials only within the origin", async () => {
  const within = await call({ headers: { Authorization: "Basic a2V5Og==", Accept: "text/xml" } }, redirectTo("/other"), new Response("there"));
  expect(within.seen.map(({ url }) => url)).toEqual(["https://api.example.com/things", "https://api.example.com/other"]);
  expect(within.seen[1]?.headers.get("authorization")).toBe("Basic a2V5Og==");
  const headers = { authorization: "Basic a2V5Og==", "x-api-key": "k", cookie: "c=1", accept: "text/xml" };
  const away = await call({ headers }, redirectTo("https://cdn.example.org/x"), redirectTo("https://api.example.com/y"), new Response("there"));
  expect(away.reply.ok && away.reply.value.text()).toBe("there");
  for (const { headers: sent } of away.seen.slice(1)) {
    expect([sent.get("authorization"), sent.get("x-api-key"), sent.get("cookie"), sent.get("accept")]).toEqual([null, null, null, "text/xml"]);
  }
});

test.each([
  "https://127.0.0.1/",
  "http://api.example.com/",
  "https://[::1]/",
  "https://jobs.example.com/v1/jobs",
  "file:///etc/passwd",
  "https://metadata.google.internal/",
])("does not follow a redirect to %s", async (location) => {
  const { reply, seen } = await call({}, redirectTo(location), new Response("secret"));
  expect([classOf(reply), seen.length]).toEqual(["permanent", 1]);
});

test("gives up after three redirects, and never redirects a POST", async () => {
  const loop = await call({}, redirectTo("/again"));
  expect([classOf(loop.reply), loop.seen.length]).toEqual(["permanent", 4]);
  const post = await call({ method: "POST", body: "{}" }, redirectTo("/elsewhere", 308), new Response("{}"));
  expect([classOf(post.reply), post.seen.length, post.calls]).toEqual(["permanent", 1, ["answered"]]);
});

test("hands over any other answer with status, headers and body", async () => {
  const { reply, seen, calls } = await call(
    { method: "PUT", body: '{"a":1}', headers: { "content-type": "application/json" } },
    Response.json({ b: 2 }, { status: 404 }),
  );
  expect(reply.ok && [reply.value.status, reply.value.json(), reply.value.headers.get("content-type")]).toEqual([404, { b: 2 }, "application/json"]);
  expect(seen[0]).toMatchObject({ method: "PUT", body: '{"a":1}' });
  expect(seen[0]?.headers.get("user-agent")).toBe("Jobyard");
  expect(calls).toEqual(["answered"]);
});

test("never throws, whatever comes back", async () => {
  const status = fc.oneof(fc.integer({ min: 200, max: 599 }), fc.constantFrom(301, 307, 308));
  const body = fc.option(fc.uint8Array({ maxLength: 200 }));
  const location = fc.oneof(fc.webUrl(), fc.string({ unit: "grapheme-ascii" }));
  await fc.assert(
    fc.asyncProperty(status, body, location, fc.constantFrom("GET", "POST", "DELETE"), async (code, bytes, to, method) => {
      const empty = bytes === null || [204, 205, 304].includes(code);
      const { reply } = await call(
        { method, sizeLimit: 100 },
        () => new Response(empty ? null : new Uint8Array(bytes), { status: code, headers: { location: to } }),
      );
      expect(typeof (reply.ok ? reply.value.text() : reply.failure.reason)).toBe("string");
    }),
  );
});
