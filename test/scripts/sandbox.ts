import { expect } from "vitest";
import { startSandbox, type Sandbox, type SandboxOptions } from "../../scripts/sandbox/server.ts";
import type { EffectSummary } from "../../scripts/sandbox/effects.ts";
import type { Fault, FaultSpec } from "../../scripts/sandbox/faults.ts";
import type { Entry } from "../../scripts/sandbox/journal.ts";
import type { Mail } from "../../scripts/sandbox/mailbox.ts";

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  json(): Record<string, unknown>;
}

/** A sandbox as a test talks to it. */
export interface Playing extends Sandbox {
  ask(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  send(mail: unknown, headers?: Record<string, string>): Promise<Answer>;
  fault(spec: FaultSpec): Promise<string>;
  mails(query?: string): Promise<Mail[]>;
  calls(query?: string): Promise<Entry[]>;
  faults(): Promise<Fault[]>;
  effects(): Promise<EffectSummary>;
}

export const hello = { from: "Shop <shop@demo.example>", to: ["ann@example.com"], subject: "Hello", html: "<p>Hello</p>" };

export async function play(options: SandboxOptions = {}): Promise<Playing> {
  const sandbox = await startSandbox(options);
  const ask: Playing["ask"] = async (method, path, body, headers = {}) => {
    const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
    const answer = await fetch(sandbox.url + path, { method, headers, ...(text === undefined ? {} : { body: text }), signal: AbortSignal.timeout(60_000) });
    const received = await answer.text();
    return { status: answer.status, headers: answer.headers, text: received, json: () => JSON.parse(received) as Record<string, unknown> };
  };
  const shown = async <T>(path: string, name: string): Promise<T> => (await ask("GET", path)).json()[name] as T;
  return {
    ...sandbox,
    ask,
    send: (mail, headers = {}) => ask("POST", "/mail/emails", mail, { authorization: "Bearer re_test", ...headers }),
    fault: async (spec) => String((await ask("POST", "/__faults", spec)).json()["id"]),
    mails: (query = "") => shown(`/__mailbox${query}`, "mails"),
    calls: (query = "") => shown(`/__calls${query}`, "calls"),
    faults: () => shown("/__faults", "faults"),
    effects: async () => (await ask("GET", "/__effects")).json() as unknown as EffectSummary,
  };
}

/** Sends a mail that a fault holds, and hangs up once the sandbox has taken it. */
export async function unanswered(sandbox: Playing, headers: Record<string, string>): Promise<void> {
  const hangUp = new AbortController();
  const request = { method: "POST", headers: { authorization: "Bearer re_test", ...headers }, body: JSON.stringify(hello), signal: hangUp.signal };
  const sent = fetch(`${sandbox.url}/mail/emails`, request);
  await expect.poll(async () => (await sandbox.calls()).map(({ end }) => end)).toEqual(["held"]);
  hangUp.abort();
  await expect(sent).rejects.toThrow("aborted");
}
