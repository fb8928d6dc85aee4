import { describe, expect, test } from "vitest";
import { createWorkBench, pullBody, type WorkBench } from "../support/work-bench";
import { type Exchange, filled } from "./answers";
import beat from "./answers/beat.json";
import beatOne from "./answers/beat-one.json";
import children from "./answers/children.json";
import effects from "./answers/effects.json";
import pull from "./answers/pull.json";
import release from "./answers/release.json";
import resultUpload from "./answers/result-upload.json";
import settle from "./answers/settle.json";
import settleMany from "./answers/settle-many.json";

const files: Record<string, Exchange[]> = {
  pull,
  beat,
  "beat-one": beatOne,
  settle,
  "settle-many": settleMany,
  effects,
  release,
  children,
  "result-upload": resultUpload,
};
const exchanges = Object.values(files).flat();

type Made = Record<string, string>;
type Tenant = Awaited<ReturnType<WorkBench["tenant"]>>;

const minute = 60_000;

/** What the server holds before the request, by its name; gives what stands for the names in braces. */
const givens: Record<string, (bench: WorkBench, tenant: Tenant) => Promise<Made>> = {
  nothing: async () => ({}),
  anonymous: async () => ({}),
  offered: async (_, { offer }) => ({ id: (await offer(1, "chore", { name: "Ada" }))[0] ?? "" }),
  quiet: async (bench, tenant) => wished(bench, tenant, "quiet"),
  stop: async (bench, tenant) => ({ ...(await held(tenant)), ...(await wished(bench, tenant, "stop")) }),
  pulled: async (_, { offer, pull }) => {
    await offer();
    const { pullId } = pullBody();
    await pull({ pullId });
    return { pullId };
  },
  held: async (_, tenant) => held(tenant),
  large: async (_, tenant) => ({ ...(await held(tenant)), large: "x".repeat(20_000) }),
  away: async (bench, tenant) => {
    const made = await held(tenant);
    const away = async () => Promise.reject(new Error("D1_ERROR: Network connection lost."));
    bench.work.ledger.look = away;
    bench.work.ledger.held = away;
    return made;
  },
  cancelled: async (bench, tenant) => {
    const made = await held(tenant);
    await bench.engine.ledger.cancel({ tenant: tenant.name, id: made["id"] ?? "" }, bench.now());
    return made;
  },
  paused: async (bench, tenant) => {
    const made = await held(tenant);
    bench.work.engine.ledger.pauses = async () => [{ tenant: tenant.name, scope: "type", name: "chore" }];
    return made;
  },
  settled: async (_, tenant) => {
    const made = await held(tenant);
    await tenant.post(`/${made["id"]}/settle`, { lease: made["lease"], outcome: { kind: "done", result: { made: 1 } } });
    return made;
  },
  lost: async (bench, tenant) => {
    const made = await held(tenant);
    bench.advance(2 * minute);
    await held({ ...tenant, offer: async () => [] }, "w2");
    return made;
  },
  gone: async (bench, tenant) => {
    const made = await held(tenant);
    bench.work.ledger.held = async () => [];
    bench.advance(6 * 24 * 60 * minute);
    return made;
  },
  begun: async (_, tenant) => begun(tenant),
  acted: async (_, tenant) => {
    const made = await begun(tenant);
    await tenant.put(`/${made["id"]}/effects/send`, { lease: made["lease"], result: { mail: 1 } });
    return made;
  },
  doubt: async (bench, tenant) => {
    await begun(tenant);
    bench.advance(2 * minute);
    return held({ ...tenant, offer: async () => [] }, "w2");
  },
  uploading: async (_, tenant) => uploading(tenant),
  uploaded: async (bench, tenant) => {
    const made = await uploading(tenant);
    const { body } = await bench.call("PUT", made["resultPath"] ?? "", { body: { made: 1 } });
    return { ...made, resultId: body.resultId };
  },
};

async function held({ offer, one }: Pick<Tenant, "offer" | "one">, worker = "w1"): Promise<Made> {
  await offer(1, "chore", { name: "Ada" });
  const { id, lease } = await one({ worker });
  return { id, lease };
}

async function begun(tenant: Tenant): Promise<Made> {
  const made = await held(tenant);
  await tenant.post(`/${made["id"]}/effects/send`, { lease: made["lease"] });
  return made;
}

async function uploading(tenant: Tenant): Promise<Made> {
  const made = await held(tenant);
  const { body } = await tenant.post(`/${made["id"]}/result-upload`, { lease: made["lease"] });
  const { pathname, search } = new URL(body.resultUrl);
  return { ...made, resultPath: pathname + search };
}

async function wished(bench: WorkBench, { pull, mint }: Tenant, state: string): Promise<Made> {
  await pull();
  await bench.call("POST", "/v1/workers/w1/state", { token: await mint(["operate"]), body: { state } });
  return {};
}

/** The fixture's wildcards as matchers of vitest. */
function expected(value: unknown): unknown {
  if (value === "<text>") return expect.any(String);
  if (value === "<number>" || value === "<time>") return expect.any(Number);
  if (Array.isArray(value)) return value.map(expected);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, expected(each)]));
}

describe.each(Object.keys(files))("%s", (call) => {
  test.each(files[call] ?? [])("$response.status $name", async ({ given, request, response }) => {
    const bench = createWorkBench();
    const tenant = await bench.tenant(["work"], ["chore", "inner"]);
    const made = { tenant: tenant.name, pullId: crypto.randomUUID(), ...(await givens[given]?.(bench, tenant)) };
    const { path, body, method, headers = {} } = filled(request, made) as typeof request;
    const isOpen = given === "anonymous" || path.includes("signature=");
    const answer = await bench.call(method, path, { body, headers, ...(isOpen ? {} : { token: tenant.token }) });
    const wanted = expected(filled(response.body, made));
    expect(answer).toMatchObject({ status: response.status });
    if (response.status < 400) expect(answer.body).toEqual(wanted);
    else expect(answer.body).toMatchObject(wanted as object);
  });
});

test("every state before a request is known", () => {
  expect(exchanges.filter(({ given }) => !givens[given])).toEqual([]);
});
