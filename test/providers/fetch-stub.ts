import { vi } from "vitest";

export interface SeenCall {
  url: string;
  method: string;
  headers: Headers;
  body: string;
}

export type Answer = Response | Error | ((call: SeenCall, signal: AbortSignal) => Response | Promise<Response>);

/** Replaces the global fetch by these answers in turn, the last one for ever; returns the calls it saw. */
export function stubFetch(...answers: Answer[]): SeenCall[] {
  const seen: SeenCall[] = [];
  vi.stubGlobal("fetch", async (input: string | URL, init: RequestInit) => {
    const answer = answers[Math.min(seen.length, answers.length - 1)];
    const call = { url: String(input), method: init.method ?? "GET", headers: new Headers(init.headers), body: typeof init.body === "string" ? init.body : "" };
    seen.push(call);
    if (answer instanceof Error) throw answer;
    if (typeof answer === "function") return answer(call, init.signal ?? new AbortController().signal);
    return answer?.clone() ?? new Response();
  });
  return seen;
}

/** A body that sends `start` and then breaks off. */
export function brokenBody(start: string): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(start));
      controller.error(new Error("Network connection lost."));
    },
  });
}

/** A body that sends `start` and then nothing any more. */
export function hangingBody(start: string): ReadableStream<Uint8Array> {
  return new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode(start)) });
}

/** An answer that never comes: it rejects when the signal aborts. */
export function neverAnswers(_call: SeenCall, signal: AbortSignal): Promise<Response> {
  return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
}
