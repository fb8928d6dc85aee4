import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { setTimeout as passing } from "node:timers/promises";
import type { Archive } from "./archive.ts";
import { readBody } from "./body.ts";
import { control, type Controlled } from "./control.ts";
import { exchange } from "./exchange.ts";
import { Faults, seeded } from "./faults.ts";
import { type Entry, Journal } from "./journal.ts";
import type { Mail } from "./mailbox.ts";
import type { Answering, Call, Reply } from "./provider.ts";
import { providers } from "./providers.ts";
import { startSmtp } from "./smtp.ts";
import { openWorld, type Remembered } from "./world.ts";

export interface SandboxOptions {
  /** 0 (the default) takes any free one. */
  port?: number;
  /** Of the SMTP server. 0 (the default) takes any free one. */
  smtpPort?: number;
  /** Decides which calls a fault with a `rate` hits. Default 1. */
  seed?: number;
  /** Milliseconds. Default: the system's clock. */
  now?: () => number;
  /** Mails, effects, idempotency keys and the CRM's contacts are kept in its folder `sandbox` and outlive a `kill -9`. Default: in memory only. */
  stateDir?: string;
  /** Called with each call when it comes in, and again when its connection is done with it. */
  onCall?: (entry: Entry, phase: "begun" | "over") => void;
  /** Called with each mail that is delivered. */
  onMail?: (mail: Mail) => void;
}

export interface Sandbox {
  /** Without a slash at its end; a provider is at `{url}/{name}`. */
  url: string;
  port: number;
  /** Of the SMTP server, on 127.0.0.1 and without TLS. */
  smtpPort: number;
  /** Ends every connection, also those that a fault holds open. */
  close(): Promise<void>;
}

/** Starts the outside world on 127.0.0.1. Rejects with the system's error when the port is taken. */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const remembered = await openWorld(options.now ?? Date.now, options.stateDir, options.onMail);
  const played = { ...open(remembered, options.seed ?? 1), onCall: options.onCall };
  const server = createServer((request, response) => {
    serve(played, request, response).catch((cause: unknown) => fail(response, cause));
  });
  server.once("close", () => remembered.archive.close());
  const port = await listen(server, options.port ?? 0).catch((cause: unknown) => {
    remembered.archive.close();
    throw cause;
  });
  const smtp = await startSmtp({ ...played, keep: () => remembered.archive.keep() }, options.smtpPort ?? 0).catch((cause: unknown) => {
    server.close();
    throw cause;
  });
  const ended = () =>
    new Promise<void>((resolve) => {
      played.closing.abort();
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${port}`, port, smtpPort: smtp.port, close: async () => void (await Promise.all([smtp.close(), ended()])) };
}

interface Played extends Controlled {
  answering: ReadonlyMap<string, Answering>;
  closing: AbortController;
  onCall?: SandboxOptions["onCall"];
}

function open({ world, archive, clear }: Remembered, seed: number): Played {
  const journal = new Journal();
  const faults = new Faults(seeded(seed));
  const answering = new Map(providers.map((provider) => [provider.name, keeping(provider.open(world), archive)]));
  const reset = (): void => {
    for (const part of [journal, faults]) part.clear();
    clear();
    for (const provider of answering.values()) provider.reset();
  };
  return { world, journal, faults, answering, reset, closing: new AbortController() };
}

/** The same provider, which writes its effects to the archive before it answers. */
function keeping(provider: Answering, archive: Archive): Answering {
  const answer = async (call: Call): Promise<Reply> => {
    try {
      return await provider.answer(call);
    } finally {
      archive.keep();
    }
  };
  return { answer, refuse: (status) => provider.refuse(status), reset: () => provider.reset() };
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" && address ? address.port : port);
    });
  });
}

async function serve(played: Played, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const address = URL.parse(request.url ?? "/", "http://sandbox.invalid");
  if (!address) return answer(response, { status: 400, headers: { connection: "close" }, body: { error: "The address cannot be read." } });
  const { pathname, searchParams: query } = address;
  const body = await readBody(request).catch(() => undefined);
  if (body === undefined) return;
  if (body === null) return answer(response, { status: 413, headers: { connection: "close" }, body: { error: "The body is larger than 12 MB." } });
  const method = request.method ?? "GET";
  const [, name = "", rest = ""] = /^\/([^/]+)(\/.*)?$/.exec(pathname) ?? [];
  const provider = played.answering.get(name);
  if (!provider) return answer(response, control(played, { method, path: pathname, query, body }));
  const headers = flat(request);
  const received = { method, path: rest || "/", query, headers, body, key: headers["idempotency-key"] ?? null };
  const fault = played.faults.hit(name, method, received.path);
  const entry = played.journal.open(name, received, played.world.now(), fault?.id ?? null);
  if (played.onCall) {
    played.onCall(entry, "begun");
    response.once("close", () => played.onCall?.(entry, "over"));
  }
  const call: Call = { ...received, pause: () => pause(fault?.delayMs ?? 0, played.closing.signal) };
  await exchange(provider, call, fault, entry, response);
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (milliseconds > 0) await passing(milliseconds, undefined, { signal });
}

function flat(request: IncomingMessage): Record<string, string> {
  return Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : (value ?? "")]));
}

function answer(response: ServerResponse, reply: Reply): void {
  const plain = typeof reply.body === "string" ? reply.body : JSON.stringify(reply.body);
  response.writeHead(reply.status, { "content-type": "application/json; charset=utf-8", ...reply.headers }).end(plain);
}

/** Our own defect, or the end of the sandbox during a pause: never an effect, and never silent. */
function fail(response: ServerResponse, cause: unknown): void {
  if (cause instanceof Error && cause.name === "AbortError") return void response.destroy();
  console.error("sandbox:", cause);
  if (response.headersSent) response.destroy();
  else answer(response, { status: 500, body: { error: "The sandbox itself failed; see its output." } });
}
