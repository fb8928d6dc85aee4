import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** The public API as far as the page uses it, with answers that tests change, and a journal of what was asked. */
export interface FakeApi {
  url: string;
  calls: { method: string; path: string; query: Record<string, string>; tenant: string | undefined; body: unknown }[];
  answers: Map<string, Answer>;
  close(): Promise<void>;
}

export type Answer = unknown | ((call: FakeApi["calls"][number]) => unknown);

export const token = "jy_token-of-the-test";

/** `page` answers what is not under /v1, as the Worker's own wiring does. */
export async function fakeApi(answers: Record<string, Answer>, page: (request: Request) => Response | undefined): Promise<FakeApi> {
  const api: Omit<FakeApi, "url" | "close"> = { calls: [], answers: new Map(Object.entries(answers)) };
  const server = createServer((request, response) => {
    reply(api, page, request, response).catch((thrown: unknown) => response.writeHead(500).end(String(thrown)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { ...api, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => closed(server) };
}

async function reply(
  api: Omit<FakeApi, "url" | "close">,
  page: (request: Request) => Response | undefined,
  request: IncomingMessage,
  response: ServerResponse,
) {
  const url = new URL(request.url ?? "/", "http://fake");
  const method = request.method ?? "GET";
  if (!url.pathname.startsWith("/v1/")) return send(response, page(new Request(url, { method })) ?? new Response("nothing here", { status: 404 }));
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  const tenant = request.headers["jobyard-tenant"];
  const call = {
    method,
    path: url.pathname,
    query: Object.fromEntries(url.searchParams),
    tenant: tenant?.toString(),
    body: text ? (JSON.parse(text) as unknown) : undefined,
  };
  api.calls.push(call);
  if (request.headers.authorization !== `Bearer ${token}`) return send(response, problem(401, "unauthorized", "This token is not valid."));
  const answer = api.answers.get(`${method} ${url.pathname}`);
  if (answer === undefined) return send(response, problem(404, "not-found", `There is no ${method} ${url.pathname}.`));
  const value: unknown = typeof answer === "function" ? (answer as (call: unknown) => unknown)(call) : answer;
  return send(response, value instanceof Response ? value : Response.json(value));
}

export function problem(status: number, code: string, detail: string): Response {
  return Response.json(
    { type: `urn:jobyard:problem:${code}`, title: code, status, detail, code, errors: [] },
    { status, headers: { "content-type": "application/problem+json" } },
  );
}

async function send(response: ServerResponse, answer: Response) {
  response.writeHead(answer.status, Object.fromEntries(answer.headers));
  response.end(Buffer.from(await answer.arrayBuffer()));
}

function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve, reject) => server.close((thrown) => (thrown ? reject(thrown) : resolve())));
}
