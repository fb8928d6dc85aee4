import type { FakeAccount } from "./state.ts";

/** One call as a route sees it. */
export interface FakeCall {
  account: FakeAccount;
  params: string[];
  query: URLSearchParams;
  headers: Headers;
  json: Record<string, unknown>;
  form: FormData | undefined;
}

export type FakeAnswer = { status?: number; result?: unknown; code?: number; message?: string; info?: Record<string, number> };
export type Grant = "d1" | "kv" | "r2" | "queues" | "workers" | "subscriptions" | "zones" | "accounts";
export interface FakeRoute {
  method: string;
  pattern: RegExp;
  grant: Grant | undefined;
  answer(call: FakeCall): FakeAnswer;
}

/** An answer that refuses. */
export const refused = (status: number, code: number, message: string): FakeAnswer => ({ status, code, message });
/** A route; each `:name` of its path is a parameter. */
export const of = (method: string, path: string, grant: Grant | undefined, answer: FakeRoute["answer"]): FakeRoute => {
  return { method, pattern: new RegExp(`^${path.replaceAll(/:\w+/g, "([^/]+)")}$`), grant, answer };
};
