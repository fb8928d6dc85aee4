import { type Account, r2Headers } from "./account.ts";
import { type Api, ApiRefusal } from "./api.ts";
import type { Step } from "./report.ts";
import type { Wanted } from "./wanted.ts";

const attempts = 3;

/**
 * Makes what is missing and calls `done` after each, so that the report of a failure midway lists what was made. The account is kept up to date
 * with the ids of what was made.
 */
export interface Making {
  api: Api;
  wanted: Wanted;
  account: Account;
  done(step: Step): void;
}

export async function makeDatabase({ api, wanted, account, done }: Making): Promise<string> {
  const { name } = wanted.database;
  const look = async () => ((await api.call("GET", `/d1/database/${name}`)).result as { uuid: string }).uuid;
  const body = { name, ...(wanted.jurisdiction ? { jurisdiction: wanted.jurisdiction } : {}) };
  const made = account.database
    ? undefined
    : await once(async () => ((await api.call("POST", "/d1/database", { body })).result as { uuid: string }).uuid, look);
  const id = account.database?.id ?? made ?? "";
  done({ name: `d1 ${name}`, state: made === undefined ? "same" : "create", detail: id });
  account.database ??= { id, jurisdiction: wanted.jurisdiction ?? null };
  return id;
}

export async function makeNamespaces({ api, wanted, account, done }: Making): Promise<void> {
  for (const { title } of wanted.namespaces) {
    const look = async () => {
      const { result } = await api.call("GET", "/storage/kv/namespaces?per_page=1000&page=1");
      const found = (result as { id: string; title: string }[]).find((each) => each.title === title);
      if (!found) throw new ApiRefusal("absent", "GET", "/storage/kv/namespaces", undefined, `no namespace "${title}"`);
      return found.id;
    };
    const known = account.namespaces.get(title);
    const id = known ?? (await once(async () => ((await api.call("POST", "/storage/kv/namespaces", { body: { title } })).result as { id: string }).id, look));
    account.namespaces.set(title, id);
    done({ name: `kv ${title}`, state: known === undefined ? "create" : "same", detail: id });
  }
}

export async function makeBuckets({ api, wanted, account, done }: Making): Promise<void> {
  const { headers } = r2Headers(wanted.jurisdiction);
  for (const { name } of wanted.buckets) {
    const isThere = account.buckets.has(name);
    const look = () => api.call("GET", `/r2/buckets/${name}`, { headers });
    if (!isThere) await once(() => api.call("POST", "/r2/buckets", { body: { name }, headers }), look);
    account.buckets.add(name);
    done({ name: `r2 ${name}`, state: isThere ? "same" : "create" });
  }
}

export async function makeQueues({ api, wanted, account, done }: Making): Promise<void> {
  for (const name of wanted.queues) {
    const known = account.queues.get(name);
    const look = async () => {
      const { result } = await api.call("GET", `/queues?page=1&name=${name}`);
      const found = (result as { queue_id: string; queue_name: string }[]).find((each) => each.queue_name === name);
      if (!found) throw new ApiRefusal("absent", "GET", "/queues", undefined, `no queue "${name}"`);
      return found;
    };
    const body = { queue_name: name, ...(wanted.jurisdiction ? { jurisdiction: wanted.jurisdiction } : {}) };
    const queue = known ?? (await once(async () => (await api.call("POST", "/queues", { body })).result as { queue_id: string; queue_name: string }, look));
    account.queues.set(name, { consumers: [], ...queue });
    done({ name: `queue ${name}`, state: known ? "same" : "create", detail: queue.queue_id });
  }
}

/** A write without an answer may have been done: it is looked at before it is tried again. "Already exists" is as good as made. */
async function once<T>(make: () => Promise<T>, look: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await make();
    } catch (thrown) {
      const mayBeThere = thrown instanceof ApiRefusal && (thrown.kind === "exists" || thrown.kind === "unavailable");
      if (!mayBeThere) throw thrown;
      const found = await look().catch((other: unknown) => {
        if (other instanceof ApiRefusal && other.kind === "absent") return undefined;
        throw other;
      });
      if (found !== undefined) return found;
      if (attempt === attempts) throw thrown;
    }
  }
}
