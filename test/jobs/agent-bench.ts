import { env } from "cloudflare:workers";
import { createAgentDeps } from "../../src/app/agents";
import { createMediaDeps } from "../../src/app/media";
import { createStores } from "../../src/app/stores";
import { overBudget } from "../../src/domain/agents/budget";
import type { Agent } from "../../src/domain/agents/define";
import { agents as shipped } from "../../src/domain/agents/list";
import { createAgentOperations } from "../../src/domain/agents/operate";
import { createAgentQueries } from "../../src/domain/agents/queries";
import { agentRuns, type Decision } from "../../src/domain/agents/store";
import { wakeDecided } from "../../src/domain/agents/wake";
import { createAgentWork } from "../../src/domain/agents/work";
import type { WorkerEnv } from "../../src/env";
import { agentJob } from "../../src/jobs/agent/job";
import { createRunAgent } from "../../src/jobs/agent/run";
import { createPayloads } from "../../src/ledger/payloads";
import { createStateLookup } from "../../src/ledger/states";
import { isUnbilled } from "../../src/providers/models/billed";
import type { Chat, Chatted, Models } from "../../src/providers/models/models";
import { failed, type Failure, ok, type Reply } from "../../src/queue/effect";
import type { CapabilityScope } from "../../src/queue/engine";
import type { CallResult } from "../../src/queue/ports/gates";
import { job, type Job } from "../../src/queue/job";
import { type EngineBench, type BenchOptions, createEngineBench, idOf } from "../support/engine";

/** What the model says next: an answer, a failure, or a function of what it is asked. */
export type Said = Partial<Chatted> | Failure | ((chat: Chat) => Partial<Chatted> | Failure | Promise<Partial<Chatted>>);

/** A model that says what a test wrote down; the last line again and again. */
export function scriptedModel(...said: Said[]): Models & { asked: Chat[] } {
  const asked: Chat[] = [];
  return {
    idempotentFor: 3600,
    endpoints: [{ model: "gpt-5-mini" }],
    asked,
    ask: () => Promise.reject(new Error("agents chat")),
    chat: async (chat, _signal, { meter } = {}): Promise<Reply<Chatted>> => {
      const input = new TextEncoder().encode(JSON.stringify(chat)).length;
      if (meter && !(await meter.reserve({ endpoint: 0, input, output: chat.maxTokens ?? 4000 })))
        return failed({ class: "config", reason: "over", code: overBudget });
      asked.push(structuredClone(chat));
      const next = said[Math.min(asked.length, said.length) - 1];
      const line = typeof next === "function" ? await next(chat) : (next ?? { text: "{}" });
      if ("class" in line) return (await meter?.lost(!isUnbilled(line)), failed(line));
      const usual = { text: "", toolCalls: [], end: "stop" as const, model: "gpt-5-mini", tokens: { input: 1000, output: 100 } };
      return ok({ ...usual, ...line });
    },
  };
}

/** A call of a tool, as a model asks for it. */
export function calling(name: string, input: unknown, id = "call_1"): Partial<Chatted> {
  return { toolCalls: [{ id, name, input }], end: "tools" };
}

export interface AgentBenchOptions extends Pick<BenchOptions, "gates" | "start" | "db"> {
  agents?: readonly Agent[];
  models: Models;
  jobs?: readonly Job[];
  /** Told of the breaker's classes. */
  onResult?: CapabilityScope["onResult"];
  /** Called before each record of a run is written: a test may let the Worker die there. */
  beforeRecord?: (what: string) => void;
}

export type AgentBench = ReturnType<typeof createAgentBench>;

/** The real engine, ledger, records and tools; only the model is made up. */
export function createAgentBench(options: AgentBenchOptions) {
  const agents = options.agents ?? shipped;
  const payloads = createPayloads(env.PAYLOADS);
  const worker = env as unknown as WorkerEnv;
  const stores = createStores(worker);
  const bench: EngineBench = createEngineBench({
    ...options,
    jobs: [job(agentJob(agents), createRunAgent(agents) as never), ...(options.jobs ?? [])],
    capabilities: async (_names, scope) => {
      const onResult = (gate: string, call: CallResult) => (scope.onResult(gate, call), options.onResult?.(gate, call));
      const work = createAgentWork(agentDeps, scope.tenant ?? "", onResult);
      const models: Models = {
        ...options.models,
        chat: async (chat, signal, call) => {
          const reply = await options.models.chat(chat, signal, call);
          scope.onResult("models", reply.ok || reply.failure.class !== "transient" ? "answered" : "transient");
          return reply;
        },
      };
      return { models, agents: options.beforeRecord ? { ...work, runs: watched(work.runs, options.beforeRecord) } : work };
    },
  });
  const agentDeps = createAgentDeps({ env: worker, stores, media: createMediaDeps(worker, bench.now), payloads, now: bench.now, engine: () => bench.engine });
  const queries = createAgentQueries(env.DB, payloads);
  const deps = createAgentOperations({ ...agentDeps, type: "agent" });
  return {
    bench,
    stores,
    deps,
    /** Decides the newest proposal of a run. */
    async decide(tenant: string, id: string, decision: Omit<Decision, "at">): Promise<boolean> {
      const { proposal } = (await queries.run(tenant, id)) ?? {};
      if (!proposal) throw new Error("the run has no proposal");
      return deps.decide(tenant, id, { ...decision, at: proposal });
    },
    wakeDecided: () => wakeDecided({ db: env.DB, engine: bench.engine, stateOf: createStateLookup(env.DB) }, 50),
    runs: (tenant: string) => agentRuns(env.DB, payloads, tenant),
    run: (tenant: string, id: string) => queries.run(tenant, id),
    /** Enqueues a run and lets it go as far as it can by itself. */
    async start(tenant: string, payload: Record<string, unknown>, more: { dryRun?: boolean } = {}): Promise<string> {
      const id = idOf((await bench.accept([{ tenant, type: "agent", payload, ...more }]))[0]);
      await go(bench);
      return id;
    },
    go: () => go(bench),
  };
}

/** Delivers what is due now, until nothing is. */
async function go(bench: EngineBench): Promise<void> {
  for (let round = 0; round < 100; round++) {
    const [due] = bench.held.filter(({ at }) => at <= bench.now());
    if (!due) return;
    await bench.deliver([due]);
  }
}

function watched<T extends object>(runs: T, before: (what: string) => void): T {
  return new Proxy(runs, {
    get: (target, name) => {
      const value = target[name as keyof T] as (...values: unknown[]) => unknown;
      return (...values: unknown[]) => {
        before(String(name));
        return value.apply(target, values);
      };
    },
  });
}
