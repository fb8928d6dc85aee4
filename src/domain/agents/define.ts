import type * as v from "valibot";
import type { Reply } from "../../queue/effect";
import type { AgentWorld } from "./capability";
import type { AgentBudget, Given, Reads, Writes } from "./model";
import { daySeconds } from "../../time/day";

/** The result of a tool. `ids`: keys of its rows, which later arguments may name. No part of a text may become an id. */
interface ToolResult {
  output: unknown;
  ids?: readonly string[];
}

/** The run that a tool acts for. */
export interface ToolScope {
  tenant: string;
  job: string;
  /** The input of the agent's run, as the sender gave it. */
  input: unknown;
  /** The idempotency key for an outside system. */
  key: string;
  world: AgentWorld;
  signal: AbortSignal;
  now(): number;
}

/** An act that an agent may request. Made by `defineTool`, which erases the type of its arguments. */
export interface AgentTool {
  name: string;
  description: string;
  input: v.GenericSchema;
  reads: Reads;
  writes: Writes;
  /** Whether a person must approve each call. Tools that write outside always need approval once untrusted text was read. */
  approval: boolean;
  /** Seconds within which a repeat is harmless. 0: an attempt without a known result is never repeated. */
  idempotentFor: number;
  /** The ids that the arguments name. */
  ids(input: unknown): readonly string[];
  act(input: unknown, scope: ToolScope): Promise<Reply<ToolResult>>;
}

interface ToolDefinition<Schema extends v.GenericSchema>
  extends Pick<AgentTool, "name" | "description" | "reads" | "writes">, Partial<Pick<AgentTool, "approval" | "idempotentFor">> {
  input: Schema;
  ids?: (input: v.InferOutput<Schema>) => readonly string[];
  act(input: v.InferOutput<Schema>, scope: ToolScope): Promise<Reply<ToolResult>>;
}

/** Fills in the defaults: no approval, no ids, and a tool that only reads may be repeated. */
export function defineTool<Schema extends v.GenericSchema>(definition: ToolDefinition<Schema>): AgentTool {
  const { ids = () => [], approval = false, writes, idempotentFor = writes === "none" ? Number.POSITIVE_INFINITY : 0 } = definition;
  // The loop validates arguments by `input` before it passes them.
  return { ...definition, approval, idempotentFor, ids: ids as AgentTool["ids"], act: definition.act as AgentTool["act"] };
}

/** The act that a final answer leads to: the last tool call of the run. */
interface FinalAct {
  tool: AgentTool;
  /** The arguments of that call; undefined: the answer leads to none. */
  inputFrom(output: unknown): unknown;
}

/** An agent: declared like a job, run by the job `agent`. */
export interface Agent {
  type: string;
  description: string;
  instructions: string;
  /** Whether its texts are personal data, which only `admin` sees unmasked. */
  isPersonal: boolean;
  /** Schema of the payload's `input`. */
  input: v.GenericSchema;
  /** Reads the agent's starting data. */
  prepare(input: unknown, scope: Omit<ToolScope, "key">): Promise<Reply<Given>>;
  tools: readonly AgentTool[];
  output: v.GenericSchema;
  conclusion: FinalAct | undefined;
  limits: AgentBudget;
  /** Tokens of one answer. */
  maxAnswerTokens: number;
  /** How long a proposal waits for a decision. Seconds. */
  approvalSeconds: number;
}

/** `isPersonal` is true by default. */
export interface AgentDefinition<Input extends v.GenericSchema, Output extends v.GenericSchema>
  extends Pick<Agent, "type" | "description" | "instructions">, Partial<Pick<Agent, "isPersonal" | "tools" | "maxAnswerTokens" | "approvalSeconds">> {
  input: Input;
  prepare(input: v.InferOutput<Input>, scope: Omit<ToolScope, "key">): Promise<Reply<Given>>;
  output: Output;
  conclusion?: { tool: AgentTool; inputFrom(output: v.InferOutput<Output>): unknown };
  limits?: Partial<AgentBudget>;
}

const weekSeconds = 7 * daySeconds;

const defaultLimits: AgentBudget = { maxSteps: 10, maxTokens: 100_000, maxSeconds: 600, usdPerRun: 0.5, usdPerMonth: 50 };

/** Fills in the defaults. Throws when two tools have the same name. */
export function defineAgent<Input extends v.GenericSchema, Output extends v.GenericSchema>(definition: AgentDefinition<Input, Output>): Agent {
  const { tools = [], conclusion, limits, maxAnswerTokens = 4000, approvalSeconds = weekSeconds, isPersonal = true, prepare, ...rest } = definition;
  const names = [...tools, ...(conclusion ? [conclusion.tool] : [])].map(({ name }) => name);
  if (new Set(names).size < names.length) throw new Error(`Agent "${definition.type}": two tools have one name`);
  return {
    ...rest,
    isPersonal,
    prepare: prepare as Agent["prepare"],
    tools,
    conclusion: conclusion as FinalAct | undefined,
    limits: { ...defaultLimits, ...limits },
    maxAnswerTokens,
    approvalSeconds,
  };
}

/** The agent's tool, or conclusion, of this name. */
export function toolOf(agent: Agent, name: string): AgentTool | undefined {
  return [...agent.tools, ...(agent.conclusion ? [agent.conclusion.tool] : [])].find((tool) => tool.name === name);
}
