// Used by the benchmarks of this folder: the public interface as one tenant's administrator.
import type { Started } from "./worker.ts";

export interface Tenant {
  name: string;
  /** JSON, or text where it is none. Rejects with what was answered when that is no 2xx. */
  ask(method: string, path: string, body?: unknown): Promise<unknown>;
}

export async function makeTenant({ url, rootToken }: Started, name: string): Promise<Tenant> {
  const ask: Tenant["ask"] = async (method, path, body) => {
    const answer = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${rootToken}`, "jobyard-tenant": name, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(60_000),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text.slice(0, 300)}`);
    return (answer.headers.get("content-type") ?? "").includes("json") ? (JSON.parse(text) as unknown) : text;
  };
  await ask("PUT", `/v1/tenants/${name}`, { name });
  return { name, ask };
}
