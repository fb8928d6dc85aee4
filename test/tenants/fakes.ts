import { env } from "cloudflare:workers";
import { parseKeyRing } from "../../src/tenants/keys";
import { createVault } from "../../src/tenants/vault";

/** A database that can be taken down, counts its round trips, and is the real one otherwise. */
export function breakableDb() {
  const state = { mode: "up" as "up" | "down" | "silent", trips: 0 };
  const answer = <T>(real: () => Promise<T>): Promise<T> => {
    state.trips++;
    if (state.mode === "down") return Promise.reject(new Error("D1_ERROR: unreachable"));
    return state.mode === "silent" ? new Promise<T>(() => undefined) : real();
  };
  const wrapped = (statement: D1PreparedStatement): D1PreparedStatement =>
    new Proxy(statement, {
      get(target, name) {
        if (name === "real") return target;
        if (name === "bind") return (...values: unknown[]) => wrapped(target.bind(...values));
        return () => answer(() => (Reflect.get(target, name) as () => Promise<unknown>).call(target));
      },
    });
  const db = {
    prepare: (sql: string) => wrapped(env.DB.prepare(sql)),
    batch: (statements: (D1PreparedStatement & { real: D1PreparedStatement })[]) => answer(() => env.DB.batch(statements.map(({ real }) => real))),
  };
  return { db: db as unknown as D1Database, state };
}

/** Likewise for KV. */
export function breakableKv() {
  const state = { mode: "up" as "up" | "down", writes: 0 };
  const answer = <T>(real: () => Promise<T>) => (state.mode === "down" ? Promise.reject(new Error("KV GET failed: 503")) : real());
  const kv = {
    get: (key: string) => answer(() => env.CONFIG.get(key, "json")),
    put: (key: string, value: string) => answer(() => (state.writes++, env.CONFIG.put(key, value))),
  };
  return { kv: kv as unknown as KVNamespace, state };
}

const [one, two] = [btoa("1".repeat(32)), btoa("2".repeat(32))];
export const oldVault = createVault(parseKeyRing("ENCRYPTION_KEYS", `e1:${one}`));
export const rotatedVault = createVault(parseKeyRing("ENCRYPTION_KEYS", `e2:${two},e1:${one}`));

export const rules = { ownHosts: ["jobs.example.com"], allowLocal: false };

/** What a call refused, as `path: message` lines. */
export async function refusalOf(call: Promise<unknown>): Promise<{ code: string; errors: string[]; text: string }> {
  try {
    await call;
  } catch (thrown) {
    const { code, errors, message } = thrown as { code: string; errors: { path: string; message: string }[]; message: string };
    return { code, errors: errors.map((issue) => `${issue.path}: ${issue.message}`), text: message };
  }
  throw new Error("Nothing was refused");
}
