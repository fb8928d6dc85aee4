import { Bounded } from "./bounded.ts";
import type { Call } from "./provider.ts";

/** One call as it came in and what became of it. */
export interface Entry {
  id: number;
  /** ISO 8601. */
  at: string;
  provider: string;
  method: string;
  path: string;
  query: Record<string, string>;
  /** Without credentials. */
  headers: Record<string, string>;
  /** The first 64 KB. */
  body: string;
  idempotencyKey: string | null;
  /** Null until it is answered, and for ever when it never is. */
  status: number | null;
  end: "pending" | "answered" | "reset" | "held" | "cut";
  /** Whether the provider did what it was asked, whatever answer the caller got. */
  acted: boolean;
  /** The fault that hit it. */
  fault: string | null;
}

export interface EntryFilter {
  provider?: string | null;
  path?: string | null;
  key?: string | null;
  method?: string | null;
  limit: number;
}

const secretHeaders = new Set(["authorization", "proxy-authorization", "cookie", "x-api-key", "api-key", "x-goog-api-key"]);
const secretParameters = new Set(["ws_key", "key", "token", "api_key", "apikey", "access_token"]);
const keptBody = 64 * 1024;

/** Every call to a provider: the newest 10,000, at most 64 MB of them. */
export class Journal {
  readonly #entries = new Bounded<Entry>({ count: 10_000, weight: 64 * 1024 * 1024 });
  #last = 0;

  open(provider: string, call: Omit<Call, "pause">, at: number, fault: string | null): Entry {
    const entry: Entry = {
      id: ++this.#last,
      at: new Date(at).toISOString(),
      provider,
      method: call.method,
      path: call.path,
      query: withoutSecrets(Object.fromEntries(call.query), secretParameters),
      headers: withoutSecrets(call.headers, secretHeaders),
      body: startOf(call.body),
      idempotencyKey: call.key,
      status: null,
      end: "pending",
      acted: false,
      fault,
    };
    this.#entries.push(entry, entry.body.length + 1000);
    return entry;
  }

  /** Newest last. */
  find(filter: EntryFilter): Entry[] {
    return this.#entries.newest(
      filter.limit,
      (entry) =>
        (!filter.provider || entry.provider === filter.provider) &&
        (!filter.path || pathFits(filter.path, entry.provider, entry.path)) &&
        (!filter.method || entry.method === filter.method.toUpperCase()) &&
        (!filter.key || entry.idempotencyKey === filter.key),
    );
  }

  get size(): number {
    return this.#entries.size;
  }

  clear(): void {
    this.#entries.clear();
  }
}

/** A pattern is a path with or without the provider's name in front; a `*` at its end stands for any rest. */
export function pathFits(pattern: string, provider: string, path: string): boolean {
  const whole = `/${provider}${path}`;
  if (!pattern.endsWith("*")) return pattern === path || pattern === whole;
  const start = pattern.slice(0, -1);
  return path.startsWith(start) || whole.startsWith(start);
}

/** A copy: a mere slice of a long text would hold on to all of it. */
function startOf(body: string): string {
  return body.length <= keptBody ? body : Buffer.from(body.slice(0, keptBody), "utf16le").toString("utf16le");
}

function withoutSecrets(values: Record<string, string>, secret: ReadonlySet<string>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, secret.has(name.toLowerCase()) ? "[redacted]" : value]));
}
