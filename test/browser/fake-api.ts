import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Answers } from "../dashboard/answers";
import { createFakeApi, type FakeApi, plainVault } from "../dashboard/desk";
import { createDashboard } from "./pages";

/** The pages over a public interface with canned answers, on a port of this machine. */
export interface FakeWorker extends FakeApi {
  url: string;
  /** Answers nothing more until it is set to false: as when the Worker cannot be reached. */
  away: boolean;
  close(): Promise<void>;
}

export async function fakeWorker(answers: Answers): Promise<FakeWorker> {
  const api = createFakeApi(Date.now(), answers);
  const dashboard = createDashboard({ answer: api.answer, vault: plainVault, now: () => Date.now() });
  const worker: FakeWorker = { ...api, url: "", away: false, close: () => closed(server) };
  const server = createServer((request, response) => {
    if (worker.away) return void request.socket.destroy();
    reply(dashboard, request, response).catch((thrown: unknown) => response.writeHead(500).end(String(thrown)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  worker.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return worker;
}

async function reply(dashboard: ReturnType<typeof createDashboard>, request: IncomingMessage, response: ServerResponse) {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const method = request.method ?? "GET";
  const url = new URL(request.url ?? "/", `http://${request.headers.host}`);
  const body = method === "POST" ? Buffer.concat(chunks) : null;
  const answer = await dashboard(new Request(url, { method, headers: request.headers as Record<string, string>, body, redirect: "manual" }));
  if (!answer) return void response.writeHead(404).end("nothing here");
  const headers: Record<string, string | string[]> = Object.fromEntries(answer.headers);
  const cookies = answer.headers.getSetCookie();
  if (cookies.length > 0) headers["set-cookie"] = cookies;
  response.writeHead(answer.status, headers);
  response.end(Buffer.from(await answer.arrayBuffer()));
}

function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve, reject) => server.close((thrown) => (thrown ? reject(thrown) : resolve())));
}
