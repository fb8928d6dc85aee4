/** One request of the protocol of remote workers, and the answer to it. */
export interface Exchange {
  name: string;
  /** What the server holds before; see server.test.ts. */
  given: string;
  /** `{id}`, `{lease}`, `{tenant}`, … stand for what was made. */
  request: { method: string; path: string; headers?: Record<string, string>; body: unknown };
  /** `<text>`, `<number>` and `<time>` stand for any. Of an error only the members that are named count. */
  response: { status: number; body: unknown };
  /** What the client package makes of the answer; see client.test.ts. Without it the package never sends this request. */
  client?: Record<string, unknown>;
}

/** The value with the names in braces filled in. */
export function filled(value: unknown, names: Readonly<Record<string, string>>): unknown {
  if (typeof value === "string") return value.replaceAll(/\{(\w+)\}/g, (braced, name: string) => names[name] ?? braced);
  if (Array.isArray(value)) return value.map((each) => filled(each, names));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, filled(each, names)]));
}
