import { env } from "cloudflare:workers";
import { createAgentDeps } from "../../src/app/capabilities";
import { createStores } from "../../src/app/stores";
import { overBudgetCode } from "../../src/domain/agents/budget";
import type { Agent } from "../../src/domain/agents/define";
import { agents as shipped } from "../../src/domain/agents/list";
import { createAgentOperations } from "../../src/domain/agents/operate";
import { createAgentQueries } from "../../src/domain/agents/queries";
import { createAgentRuns, type ProposalDecision } from "../../src/domain/agents/store";
import { wakeDecided } from "../../src/domain/agents/wake";
import { createAgentWork } from "../../src/domain/agents/work";
import type { WorkerEnv } from "../../src/env";
import { agentJob } from "../../src/jobs/agent/job";
import { createRunAgent } from "../../src/jobs/agent/run";
import { createPayloads } from "../../src/ledger/payloads";
import { createStateLookup } from "../../src/ledger/states";
import { isUnbilled } from "../../src/providers/models/chat";
import type { ChatRequest, Chatted, Models } from "../../src/providers/models/models";
import { failed, type Failure, ok, type Reply } from "../../src/queue/effect";
import type { CapabilityScope } from "../../src/queue/engine";
import { type InputOf, job } from "../../src/queue/job";
import type { CallResult } from "../../src/queue/ports/gates";
import { createJobBench, type JobBenchOptions } from "../support/job-bench";

/** The next reply of the model: an answer, a failure, or a function of the chat. */
export type ScriptedReply = Partial<Chatted> | Failure | ((chat: ChatRequest) => Partial<Chatted> | Failure | Promise<Partial<Chatted>>);

/** A model with the replies of a test; the last one again and again. */
export function scriptedModel(...replies: ScriptedReply[]): Models & { chats: ChatRequest[] } {
  const chats: ChatRequest[] = [];
  return {
    idempotentFor: 3600,
    endpoints: [{ model: "gpt-5-mini" }],
    chats,
    ask: () => Promise.reject(new Error("agents chat")),
    chat: async (chat, _signal, { meter } = {}): Promise<Reply<Chatted>> => {
      const input = new TextEncoder().encode(JSON.stringify(chat)).length;
      if (meter && !(await meter.reserve({ endpoint: 0, input, output: chat.maxTokens ?? 4000 })))
        return failed({ class: "config", reason: "over", code: overBudgetCode });
      chats.push(structuredClone(chat));
      const next = replies[Math.min(chats.length, replies.length) - 1];
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

export interface AgentBenchOptions extends Pick<JobBenchOptions, "gates" | "start" | "db" | "jobs"> {
  agents?: readonly Agent[];
  models?: Models;
  /** Receives the classes for the circuit breaker. */
  onResult?: CapabilityScope["onResult"];
  /** Called before each record of a run is written: a test may let the Worker die there. */
  beforeRecord?: (what: string) => void;
}

export type AgentBench = ReturnType<typeof createAgentBench>;

let benches = 0;

/** The agents of a tenant of its own on the real engine, ledger, records and tools; only the model is made up: its replies are those of the test. */
export function createAgentBench(replies: readonly ScriptedReply[], options: AgentBenchOptions = {}) {
  const { agents = shipped, beforeRecord, jobs = [], onResult: listen } = options;
  const tenant = `agents-${++benches}`;
  const models = { chats: [], ...(options.models ?? scriptedModel(...replies)) } as Models & { chats: ChatRequest[] };
  const payloads = createPayloads(env.PAYLOADS);
  const worker = env as unknown as WorkerEnv;
  const stores = createStores(worker);
  const contract = agentJob(agents);
  const yard = createJobBench({
    ...options,
    tenant,
    jobs: [job(contract, createRunAgent(agents) as never), ...jobs],
    capabilities: (scope) => {
      const onResult = (gate: string, call: CallResult) => (scope.onResult(gate, call), listen?.(gate, call));
      const work = createAgentWork(agentDeps, tenant, onResult);
      const chat: Models["chat"] = async (...args) => {
        const reply = await models.chat(...args);
        scope.onResult("models", reply.ok || reply.failure.class !== "transient" ? "answered" : "transient");
        return reply;
      };
      return { models: { ...models, chat }, agents: beforeRecord ? { ...work, runs: watched(work.runs, beforeRecord) } : work };
    },
  });
  const { bench } = yard;
  const agentDeps = createAgentDeps({ env: worker, stores, payloads, now: bench.now, engine: () => bench.engine });
  const queries = createAgentQueries(env.DB, payloads);
  const deps = createAgentOperations({ ...agentDeps, type: "agent" });
  return {
    ...{ ...yard, tenant, models, stores, deps },
    runs: createAgentRuns(env.DB, payloads, tenant),
    run: (id: string) => queries.run(tenant, id),
    /** Decides the newest proposal of a run. */
    async decide(id: string, decision: Omit<ProposalDecision, "at">): Promise<boolean> {
      const { proposal } = (await queries.run(tenant, id)) ?? {};
      if (!proposal) throw new Error("the run has no proposal");
      return deps.decide(tenant, id, { ...decision, at: proposal });
    },
    wakeDecided: () => wakeDecided({ db: env.DB, engine: bench.engine, stateOf: createStateLookup(env.DB) }, 50),
    /** A run that went as far as it can by itself. */
    start: async (payload: InputOf<typeof contract>, more: { dryRun?: boolean } = {}) => (await yard.accept(contract, payload, more)).untilIdle(),
  };
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
