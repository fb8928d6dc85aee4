import { createTRPCClient, httpBatchLink, TRPCClientError } from "@trpc/client";
import { beforeAll, describe, expect, test } from "vitest";
import { Problem } from "../../src/errors";
import type { FailureReport } from "../../src/intake/deps";
import { type RouteAnswer, route } from "../../src/intake/route";
import { createIntake } from "../../src/intake/router";
import type { AppRouter, EmailInput } from "../../src/intake/trpc/router";
import { createIntakeBench, type Tokens } from "./bench";
import { givenJob } from "./given";

const bench = createIntakeBench();
const intake = createIntake(bench.deps);
const url = "https://jobs.example/trpc";
let own: Tokens;
let other: Tokens;

beforeAll(async () => {
  own = await bench.tenant("trpc-own");
  other = await bench.tenant("trpc-other");
});

/** Requests that reached the Worker. */
let sent: Request[] = [];
const fetcher = async (input: RequestInfo | URL, init?: RequestInit) => {
  const request = new Request(input as RequestInfo, init);
  sent.push(request.clone());
  return intake(request);
};

function client(token: string | undefined) {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return createTRPCClient<AppRouter>({ links: [httpBatchLink({ url, headers, fetch: fetcher as never })] });
}

async function refused(call: Promise<unknown>) {
  const thrown = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof TRPCClientError)) throw new Error("the call was not refused");
  return thrown as TRPCClientError<AppRouter>;
}

const mail: EmailInput = { to: "ada@example.com", subject: "Hello", text: "Hi" };

describe("calls", () => {
  test("jobs.enqueue, jobs.get and jobs.list answer as the routes do", async () => {
    const enqueued = await client(own.enqueue).jobs.enqueue.mutate({ type: "note", payload: { text: "hello" }, idempotencyKey: 'a "key"\\' });
    expect(enqueued).toEqual({ id: expect.any(String), type: "note", state: "queued" });
    expect(bench.seen.requests.at(-1)).toMatchObject({ tenant: "trpc-own", type: "note", payload: { text: "hello" }, key: 'a "key"\\' });
    const reader = client(own.read);
    expect(await reader.jobs.get.query({ id: enqueued.id })).toMatchObject({ id: enqueued.id, state: "queued", timeline: [{ event: "queued" }], effects: [] });
    const ended = await givenJob("trpc-own", { state: "done" });
    await givenJob("trpc-other", { state: "done" });
    const idsOf = ({ jobs }: { jobs: { id: string }[] }) => jobs.map(({ id }) => id);
    expect(idsOf(await reader.jobs.list.query({ type: "note", state: "done", limit: 3 }))).toEqual([ended]);
    const first = await reader.jobs.list.query({ limit: 1 });
    const second = await reader.jobs.list.query({ limit: 1, cursor: first.cursor });
    expect([...idsOf(first), ...idsOf(second)].toSorted()).toEqual([enqueued.id, ended].toSorted());
    expect(idsOf(await reader.jobs.list.query({ cursor: null })).toSorted()).toEqual([enqueued.id, ended].toSorted());
  });

  test("email.send enqueues a mail", async () => {
    await client(own.enqueue).email.send.mutate({ ...mail, idempotencyKey: "m-1", dryRun: true });
    expect(bench.seen.requests.at(-1)).toMatchObject({ type: "email", key: "m-1", dryRun: true, payload: mail });
  });

  test("email.sendBulk enqueues a mail for each recipient, on the slow lane, with the recipient's variables", async () => {
    const before = bench.seen.requests.length;
    const recipients = [{ to: "a@example.com", variables: { name: "A" }, idempotencyKey: "b-1" }, { to: "no address" }, { to: "c@example.com" }];
    const answer = await client(own.enqueue).email.sendBulk.mutate({ subject: "S", text: "{{ name }}", variables: { name: "you", shop: "x" }, recipients });
    expect(answer).toMatchObject({ accepted: 2, ids: [expect.any(String), null, expect.any(String)], rejected: [{ index: 1, code: "invalid" }] });
    expect(answer.rejected[0]?.errors[0]?.path).toBe("to");
    const [first, third] = bench.seen.requests.slice(before);
    expect(first).toMatchObject({ key: "b-1", payload: { to: "a@example.com", priority: "low", variables: { name: "A", shop: "x" } } });
    expect(third).toMatchObject({ payload: { to: "c@example.com", variables: { name: "you", shop: "x" } } });
  });

  test("email.sendBulk derives a key for each recipient without one from the key of the list", async () => {
    const send = async (idempotencyKey: string) => {
      const before = bench.seen.requests.length;
      const recipients = [{ to: "Ada <Ada@Example.com>" }, { to: "b@b\u00fccher.example" }, { to: "c@example.com", idempotencyKey: "own" }];
      const { accepted } = await client(own.enqueue).email.sendBulk.mutate({ subject: "S", text: "t", recipients, idempotencyKey });
      expect(accepted).toBe(3);
      return bench.seen.requests.slice(before).map(({ key }) => key);
    };
    expect(await send('news "1"')).toEqual(['news "1":ada@example.com', 'news "1":b@xn--bcher-kva.example', "own"]);
    const long = await send("x".repeat(250));
    expect(long).toEqual([expect.stringMatching(/^\w{51}$/), expect.stringMatching(/^\w{51}$/), "own"]);
    expect(long[0]).not.toBe(long[1]);
    expect(await send("x".repeat(250))).toEqual(long);
    expect((await send(`${"x".repeat(249)}y`))[0]).not.toBe(long[0]);
  });

  test("without a key of the list recipients get none, and a list in `to` is rejected by its index", async () => {
    const before = bench.seen.requests.length;
    const recipients = [{ to: "a@example.com" }, { to: ["b@example.com", "c@example.com"] as never }];
    const answer = await client(own.enqueue).email.sendBulk.mutate({ subject: "S", text: "t", recipients });
    expect(answer).toMatchObject({ accepted: 1, rejected: [{ index: 1, code: "invalid", errors: [{ path: "to" }] }] });
    expect(bench.seen.requests.slice(before).map(({ key }) => key)).toEqual([undefined]);
  });

  test("a key in the request's header is refused: it would be every call's", async () => {
    const links = [httpBatchLink({ url, headers: { authorization: `Bearer ${own.enqueue}`, "idempotency-key": "k-1" }, fetch: fetcher as never })];
    const thrown = await refused(createTRPCClient<AppRouter>({ links }).email.send.mutate(mail));
    expect(thrown.data).toMatchObject({ code: "UNPROCESSABLE_CONTENT", problem: { errors: [{ path: "Idempotency-Key" }] } });
  });

  test("calls of one tick travel in one request, each with its own answer", async () => {
    sent = [];
    const caller = client(own.enqueue);
    const calls = [1, 2, 3].map((n) => caller.jobs.enqueue.mutate({ type: n === 2 ? "nothing" : "note", payload: { text: `${n}` } }));
    const results = await Promise.allSettled(calls);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(sent).toHaveLength(1);
  });
});

describe("refusals", () => {
  test.each<[string, () => Promise<unknown>, string, number]>([
    ["without a token", () => client(undefined).jobs.list.query(), "UNAUTHORIZED", 401],
    ["with a token of another scope", () => client(own.read).email.send.mutate(mail), "FORBIDDEN", 403],
    ["for a foreign job", async () => client(other.read).jobs.get.query({ id: (await enqueueNote()).id }), "NOT_FOUND", 404],
    ["for an unknown field", () => client(own.read).jobs.list.query({ colour: "red" } as never), "UNPROCESSABLE_CONTENT", 422],
    ["for an input that is no object", () => client(own.enqueue).jobs.enqueue.mutate([] as never), "UNPROCESSABLE_CONTENT", 422],
    ["for a filter that is no text", () => client(own.read).jobs.list.query({ type: { toString: 1 } } as never), "UNPROCESSABLE_CONTENT", 422],
    ["for an id that is none", () => client(own.read).jobs.get.query({ id: "../leads" }), "UNPROCESSABLE_CONTENT", 422],
    ["for a key that no header can carry", () => client(own.enqueue).email.send.mutate({ ...mail, idempotencyKey: "é" }), "UNPROCESSABLE_CONTENT", 422],
    [
      "for a list's key that no header can carry",
      () => client(own.enqueue).email.sendBulk.mutate({ subject: "S", text: "t", recipients: [{ to: "a@example.com" }], idempotencyKey: "\u00e9" }),
      "UNPROCESSABLE_CONTENT",
      422,
    ],
    ["for a body that is too large", () => client(own.enqueue).email.send.mutate({ ...mail, text: "x".repeat(1_100_000) }), "PAYLOAD_TOO_LARGE", 413],
  ])("%s", async (_what, call, code, status) => {
    const { data } = await refused(call());
    expect(data).toMatchObject({ code, httpStatus: status });
    expect(data).not.toHaveProperty("stack");
  });

  test("an invalid payload carries the path of each issue", async () => {
    const { data, message } = await refused(client(own.enqueue).email.send.mutate({ ...mail, to: "no address", priority: "urgent" as never }));
    expect(data?.problem).toMatchObject({ code: "invalid", detail: message });
    expect(data?.problem?.errors.map(({ path }) => path)).toEqual(["payload.to", "payload.priority"]);
  });

  test("a bulk whose content would be stored too often is refused before it is enqueued", async () => {
    const recipients = Array.from({ length: 5000 }, (_, n) => ({ to: `r${n}@example.com` }));
    const before = bench.seen.requests.length;
    const { data } = await refused(client(own.enqueue).email.sendBulk.mutate({ subject: "s", text: "x".repeat(5000), recipients }));
    expect([data?.code, bench.seen.requests.length]).toEqual(["PAYLOAD_TOO_LARGE", before]);
  });

  test("bulks of one request are enqueued one after the other: each is large once it is expanded", async () => {
    let [under, most] = [0, 0];
    const enqueue: typeof bench.deps.enqueue = async (requests) => {
      most = Math.max(most, ++under);
      await new Promise((others) => setTimeout(others));
      const receipts = await bench.deps.enqueue(requests);
      under--;
      return receipts;
    };
    const counting = createIntake({ ...bench.deps, enqueue });
    const one = { subject: "s", text: "t", recipients: [{ to: "a@b.example" }, { to: "c@d.example" }] };
    const body = JSON.stringify({ 0: one, 1: one, 2: { ...one, recipients: [] }, 3: one });
    const headers = { authorization: `Bearer ${own.enqueue}`, "content-type": "application/json" };
    const answer = await counting(new Request(`${url}/${Array(4).fill("email.sendBulk").join(",")}?batch=1`, { method: "POST", headers, body }));
    const accepted = (await answer.json<{ result?: { data: { accepted: number } } }[]>()).map(({ result }) => result?.data.accepted);
    expect([accepted, most]).toEqual([[2, 2, undefined, 2], 1]);
  });

  test("an unknown procedure, a batch of more than 50 and a body over 10 MB end with a clear answer", async () => {
    const headers = { authorization: `Bearer ${own.read}` };
    const unknown = await intake(new Request(`${url}/jobs.drop`, { headers }));
    expect(unknown.status).toBe(404);
    const many = Array.from({ length: 51 }, () => "jobs.list").join(",");
    expect((await intake(new Request(`${url}/${many}?batch=1`, { headers }))).status).toBe(400);
    const large = await intake(new Request(`${url}/jobs.enqueue`, { method: "POST", headers, body: new Uint8Array(10 * 1024 * 1024 + 1) }));
    expect(large.status).toBe(413);
    const stranger = await intake(new Request(`${url}/jobs.enqueue`, { method: "POST", body: `"${"x".repeat(70_000)}"` }));
    expect(stranger.status).toBe(413);
    const deep = await intake(new Request(`${url}/jobs.enqueue`, { method: "POST", headers, body: "[".repeat(100_000) }));
    expect([deep.status, await deep.text()]).toEqual([422, expect.stringContaining("nested too deep")]);
  });
});

test("an unforeseen failure within a procedure is reported under the request's id; refusals are not", async () => {
  const reported: FailureReport[] = [];
  const answering = (handle: () => Promise<RouteAnswer>) => {
    const jobs = route("GET /v1/jobs", { name: "listJobs", summary: "", scope: "read", tenant: "own", answers: { 200: null }, handle });
    return createIntake({ ...bench.deps, report: (failure) => void reported.push(failure) }, [jobs]);
  };
  const request = (path: string) => new Request(`${url}/${path}`, { headers: { authorization: `Bearer ${own.read}` } });
  const broken = answering(async () => ({ status: 200, text: "secret, no JSON" }));
  const answer = await broken(request("jobs.list"));
  expect([answer.status, await answer.text()]).toEqual([500, expect.not.stringContaining("secret")]);
  expect(reported).toEqual([
    {
      requestId: answer.headers.get("x-request-id"),
      trace: expect.stringMatching(/^[0-9a-f]{32}$/),
      method: "GET",
      route: "/trpc/jobs.list",
      thrown: expect.any(SyntaxError),
    },
  ]);
  const refusing = answering(() => Promise.reject(new Problem("too-many-requests", "Slowly.", { retryAfter: 2 })));
  for (const path of ["jobs.list", "jobs.drop", "jobs.list?input={"]) await refusing(request(path));
  expect(reported).toHaveLength(1);
  const failing = answering(() => Promise.reject(new TypeError("once")));
  await failing(request("jobs.list"));
  expect(reported.slice(1)).toMatchObject([{ route: "/v1/jobs" }]);
});

test("the answer to a batch is at most twice as long as its request and 20,000 characters", async () => {
  const input = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`u${index}`, 1]));
  const calls = (name: string, each: unknown) => ({
    path: Array(50).fill(name).join(","),
    body: JSON.stringify(Object.fromEntries(Array.from({ length: 50 }, (_, n) => [n, each]))),
  });
  for (const [token, { path, body }] of [
    [undefined, calls("jobs.enqueue", {})],
    [own.enqueue, calls("jobs.enqueue", input)],
    [own.enqueue, calls("email.send", input)],
    [own.enqueue, calls("email.sendBulk", {})],
  ] as const) {
    const address = `${url}/${path}?batch=1`;
    const headers: Record<string, string> = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
    const answer = await (await intake(new Request(address, { method: "POST", headers, body }))).text();
    expect(answer.length, answer.slice(0, 500)).toBeLessThanOrEqual(2 * (address.length + body.length) + 20_000);
  }
});

function enqueueNote() {
  return client(own.enqueue).jobs.enqueue.mutate({ type: "note", payload: { text: "mine" } });
}
