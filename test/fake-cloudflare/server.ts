import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { FakeAnswer, FakeCall, FakeRoute, Grant } from "./call.ts";
import { accountRoutes, rootRoutes } from "./routes.ts";
import { FakeAccount } from "./state.ts";

/** How calls go wrong. `lost`: it is done, and the connection is cut before the answer. `silent`: no answer ever; `times` is -1 when one came. */
export interface Fault {
  method: string;
  /** Of the path below the account. */
  path: RegExp;
  kind: "forbidden" | "limited" | "broken" | "reset" | "lost" | "silent";
  /** How often; for ever without it. */
  times?: number;
}

export interface SeenCall {
  method: string;
  /** Below the account, without the query. */
  path: string;
  status: number;
}

export interface FakeCloudflare {
  /** For CLOUDFLARE_API_BASE_URL. */
  url: string;
  account: FakeAccount;
  calls: SeenCall[];
  /** Calls that no route answers: a test with one has failed. */
  unknown: string[];
  faults: Fault[];
  /** What the token may; all of it at first. */
  grants: Set<Grant>;
  close(): Promise<void>;
}

export const accountId = "acc";
export const apiToken = "token-of-the-fake-api";
const prefix = "/client/v4";
const everything: readonly Grant[] = ["d1", "kv", "r2", "queues", "workers", "subscriptions", "zones", "accounts"];

/** Plays Cloudflare's API for one account on a free port of this machine: strictly, so that what the real one refuses is refused here. */
export async function startFakeCloudflare(): Promise<FakeCloudflare> {
  const fake = { account: new FakeAccount(), calls: [] as SeenCall[], unknown: [] as string[], faults: [] as Fault[], grants: new Set(everything) };
  const server = createServer((request, response) => {
    void answer(fake, request, response).catch((thrown: unknown) => {
      fake.unknown.push(`the fake failed: ${String(thrown)}`);
      send(response, { status: 500, code: 1, message: "the fake failed" });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    fake.account.close();
  };
  return { ...fake, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${prefix}`, close };
}

type Playing = Omit<FakeCloudflare, "url" | "close">;

async function answer(fake: Playing, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", "http://fake");
  const method = request.method ?? "GET";
  const body = Buffer.concat(await request.toArray());
  const whole = url.pathname.startsWith(prefix) ? url.pathname.slice(prefix.length) : url.pathname;
  const [, account, rest] = /^\/accounts\/([^/]+)(\/.*)$/.exec(whole) ?? [];
  const path = rest ?? whole;
  const note = (status: number) => fake.calls.push({ method, path, status });
  const fault = nextFault(fake.faults, method, path);
  if (fault?.kind === "silent") return void (fault.times = -1);
  if (fault?.kind === "reset") return (note(0), void request.socket.destroy());
  const refusal = fault ? faulty[fault.kind] : undefined;
  const result = refusal ?? (await routed(fake, { method, path, account, url, headers: new Headers(request.headers as Record<string, string>), body }));
  if (fault?.kind === "lost") return (note(0), void request.socket.destroy());
  note(result.status ?? 200);
  send(response, result);
}

const faulty: Partial<Record<Fault["kind"], FakeAnswer>> = {
  forbidden: { status: 403, code: 10_000, message: "Authentication error" },
  limited: { status: 429, code: 971, message: "Please wait and consider throttling your request speed" },
  broken: { status: 500, code: 10_013, message: "An unknown error has occurred" },
};

function nextFault(faults: Fault[], method: string, path: string): Fault | undefined {
  const fault = faults.find((each) => each.method === method && each.path.test(path) && each.times !== 0);
  if (fault?.times !== undefined) fault.times--;
  return fault;
}

interface Routed {
  method: string;
  path: string;
  account: string | undefined;
  url: URL;
  headers: Headers;
  body: Buffer;
}

async function routed(fake: Playing, { method, path, account, url, headers, body }: Routed): Promise<FakeAnswer> {
  if (headers.get("authorization") !== `Bearer ${apiToken}`) return { status: 401, code: 1000, message: "Invalid API Token" };
  if (account !== undefined && account !== accountId) return { status: 403, code: 9109, message: "Unauthorized to access requested resource" };
  const found = (account === undefined ? rootRoutes : accountRoutes).flatMap((route) => matched(route, method, path))[0];
  if (!found) {
    fake.unknown.push(`${method} ${path}${url.search}`);
    return { status: 404, code: 7003, message: `Could not route to ${path}` };
  }
  const { route, params } = found;
  if (route.grant && !fake.grants.has(route.grant)) return { status: 403, code: 10_000, message: "Authentication error" };
  const type = headers.get("content-type") ?? "";
  const form = type.includes("multipart/") ? await new Response(new Uint8Array(body), { headers: { "content-type": type } }).formData() : undefined;
  const json = form === undefined && body.length > 0 ? (JSON.parse(body.toString()) as FakeCall["json"]) : {};
  return route.answer({ account: fake.account, params, query: url.searchParams, headers, json, form });
}

function matched(route: FakeRoute, method: string, path: string): { route: FakeRoute; params: string[] }[] {
  const match = route.method === method ? route.pattern.exec(path) : null;
  return match ? [{ route, params: match.slice(1) }] : [];
}

function send(response: ServerResponse, { status = 200, result = null, code, message, info }: FakeAnswer): void {
  const isGood = code === undefined;
  const errors = isGood ? [] : [{ code, message: message ?? "" }];
  response.writeHead(status, { "content-type": "application/json", ...(status === 429 ? { "retry-after": "0" } : {}) });
  response.end(JSON.stringify({ success: isGood, errors, messages: [], result, ...(info ? { result_info: info } : {}) }));
}
