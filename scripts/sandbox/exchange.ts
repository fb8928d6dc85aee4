import type { ServerResponse } from "node:http";
import type { Fault } from "./faults.ts";
import type { Entry } from "./journal.ts";
import type { Answering, Call, Reply } from "./provider.ts";

/** One call to a provider from taking it to answering it, with the fault that hit it. */
export async function exchange(provider: Answering, call: Call, fault: Fault | null, entry: Entry, response: ServerResponse): Promise<void> {
  if (fault && !acts(fault)) {
    await call.pause();
    if (fault.reset) return reset(entry, response);
    return send(altered(provider.refuse(fault.status ?? 500), fault), entry, response);
  }
  const reply = await provider.answer(call);
  entry.acted = reply.status < 300;
  if (!fault) return send(reply, entry, response);
  if (fault.timeoutAfterAccept) return hold(entry);
  if (fault.reset) return reset(entry, response);
  const answer = altered(fault.status ? provider.refuse(fault.status) : reply, fault);
  if (fault.cutBody) return cut(answer, entry, response);
  return send(fault.malformed ? halved(answer) : answer, entry, response);
}

/** Whether the provider does its work before the fault shows. */
function acts(fault: Fault): boolean {
  const instead = fault.reset === true || fault.status !== undefined;
  return !instead || fault.afterAccept === true || fault.timeoutAfterAccept === true;
}

function altered(reply: Reply, fault: Fault): Reply {
  return {
    status: reply.status,
    headers: { ...reply.headers, ...lowerCased(fault.headers ?? {}) },
    body: fault.body === undefined ? reply.body : fault.body,
  };
}

function halved(reply: Reply): Reply {
  const text = textOf(reply);
  return { ...reply, headers: { "content-type": "application/json; charset=utf-8", ...reply.headers }, body: text.slice(0, Math.max(1, text.length >> 1)) };
}

function send(reply: Reply, entry: Entry, response: ServerResponse): void {
  entry.status = reply.status;
  entry.end = "answered";
  const bodyless = reply.status === 204 || reply.status === 304;
  response.writeHead(reply.status, headersOf(reply)).end(bodyless ? undefined : textOf(reply));
}

function cut(reply: Reply, entry: Entry, response: ServerResponse): void {
  const bytes = Buffer.from(textOf(reply));
  entry.status = reply.status;
  entry.end = "cut";
  response.writeHead(reply.status, { ...headersOf(reply), "content-length": String(bytes.length + 1) });
  response.write(bytes.subarray(0, bytes.length >> 1), () => response.destroy());
}

function reset(entry: Entry, response: ServerResponse): void {
  entry.end = "reset";
  response.socket?.resetAndDestroy();
}

/** The connection stays open without an answer until the caller gives up. */
function hold(entry: Entry): void {
  entry.end = "held";
}

function headersOf(reply: Reply): Record<string, string> {
  const type = typeof reply.body === "string" ? "text/plain; charset=utf-8" : "application/json; charset=utf-8";
  return { "content-type": type, ...reply.headers };
}

function textOf(reply: Reply): string {
  return typeof reply.body === "string" ? reply.body : JSON.stringify(reply.body ?? null);
}

function lowerCased(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
