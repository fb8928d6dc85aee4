import type { Reply } from "../../queue/effect";
import { failed, ok } from "../../queue/effect";
import type { Http, HttpAnswer } from "../http";
import { readAnswer } from "./answer";
import type { Parameters } from "./query";
import { shopRefusal, unreachableShop, userAgent } from "./refusal";

export interface ConnectionOptions {
  http: Http;
  /** The shop's address, with or without `/api`. */
  url: string;
  key: string;
  /** `address`: as `ws_key`, for servers that drop the Authorization header. Default `header`. */
  keyIn?: "header" | "address" | undefined;
  /** Milliseconds of the Worker's clock. */
  now: () => number;
}

export interface List {
  /** Rows, with an empty array for each that the shop failed to load. */
  elements: readonly unknown[];
  /** Rows that it failed to load and omitted between others. */
  gaps: number;
  warnings: readonly string[];
  /** Seconds the shop worked on it. */
  seconds: number;
  version: string | null;
}

const maxCallMs = 45_000;
const maxAnswerBytes = 8_000_000;

/** The calls to one shop's webservice, one at a time. */
export class ShopConnection {
  readonly #options: ConnectionOptions;
  /** XML after JSON could not be read: only XML is the same in all versions. */
  #format: "JSON" | "XML" = "JSON";
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** `HEAD /api/`: works in every version, whereas `GET /api/` as JSON breaks 8 and 9. */
  head(signal: AbortSignal): Promise<Reply<{ status: number; version: string | null }>> {
    return this.#oneByOne(async () => {
      const reply = await this.#call("HEAD", "", {}, signal);
      return reply.ok ? ok({ status: reply.value.status, version: versionOf(reply.value) }) : failed(unreachableShop(reply.failure, signal.aborted));
    });
  }

  list(resource: string, parameters: Parameters, signal: AbortSignal): Promise<Reply<List>> {
    return this.#oneByOne(async () => {
      const first = await this.#list(resource, parameters, signal);
      if (first.ok || first.failure.code !== "unreadable" || this.#format === "XML") return first;
      this.#format = "XML";
      const second = await this.#list(resource, parameters, signal);
      if (second.ok) return ok({ ...second.value, warnings: [...second.value.warnings, "the shop's JSON could not be read; XML could"] });
      this.#format = "JSON";
      return first;
    });
  }

  async #list(resource: string, parameters: Parameters, signal: AbortSignal): Promise<Reply<List>> {
    const { now, key } = this.#options;
    const started = now();
    const reply = await this.#call("GET", resource, parameters, signal);
    if (!reply.ok) return failed(unreachableShop(reply.failure, signal.aborted));
    const read = readAnswer(reply.value.text(), resource);
    const isAccepted = reply.value.status >= 200 && reply.value.status < 300 && read.kind === "rows" && read.errors.length === 0;
    if (!isAccepted) return failed(shopRefusal(reply.value, read, { resource, key, now: now() }));
    const seconds = secondsOf(reply.value) ?? (now() - started) / 1000;
    return ok({ elements: read.elements, gaps: read.gaps, warnings: read.warnings, seconds, version: versionOf(reply.value) });
  }

  #call(method: "GET" | "HEAD", resource: string, parameters: Parameters, signal: AbortSignal): Promise<Reply<HttpAnswer>> {
    const { http, url, key, keyIn } = this.#options;
    const format = this.#format;
    const query = new URLSearchParams({ ...parameters, ...(resource ? { output_format: format } : {}), ...(keyIn === "address" ? { ws_key: key } : {}) });
    const authorization: Record<string, string> = keyIn === "address" ? {} : { authorization: `Basic ${btoa(`${key}:`)}` };
    return http({
      method,
      redirects: "answer",
      url: `${url.replace(/(?<!\/)\/+$/, "").replace(/\/api$/, "")}/api/${resource}${query.size > 0 ? `?${query}` : ""}`,
      headers: { ...authorization, ...(resource ? { "output-format": format } : {}), "user-agent": userAgent },
      signal,
      timeLimit: maxCallMs,
      sizeLimit: maxAnswerBytes,
    });
  }

  #oneByOne<T>(act: () => Promise<T>): Promise<T> {
    const result = this.#last.then(act, act);
    this.#last = result.catch(() => undefined);
    return result;
  }
}

/** The version; a shop sends this header only for a valid key. */
function versionOf({ headers }: HttpAnswer): string | null {
  const version = headers.get("psws-version");
  return version !== null && /^\d+(\.\d+){1,3}$/.test(version) ? version : null;
}

function secondsOf({ headers }: HttpAnswer): number | undefined {
  const seconds = headers.get("execution-time");
  return seconds !== null && /^\d{1,6}(\.\d+)?$/.test(seconds.trim()) ? Number(seconds) : undefined;
}
