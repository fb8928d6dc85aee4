import type * as v from "valibot";
import type { Reply } from "../../queue/effect";
import type { AgentWorld } from "./capability";
import type { Budget, Given, Reads, Writes } from "./model";

/** What a tool gives back. `ids`: what its rows are keyed by, which later arguments may name. Nothing from within a text may be one. */
export interface ToolResult {
  output: unknown;
  ids?: readonly string[];
}

/** For whom a tool acts. */
export interface ToolScope {
  tenant: string;
  job: string;
  /** Of the agent's run, as the sender gave it. */
  input: unknown;
  /** To pass on where an outside system refuses repeats. */
  key: string;
  world: AgentWorld;
  signal: AbortSignal;
  now(): number;
}

/** Something that an agent may have done. Made by `defineTool`, which erases the type of its arguments. */
export interface Tool {
  name: string;
  description: string;
  input: v.GenericSchema;
  reads: Reads;
  writes: Writes;
  /** Whether a person has to agree each time. Tools that write outside need that anyway once untrusted text was read. */
  approval: boolean;
  /** Seconds for which a repeat does no harm. 0: an attempt without a known result is never repeated. */
  idempotentFor: number;
  /** The arguments that name something. */
  ids(input: unknown): readonly string[];
  act(input: unknown, scope: ToolScope): Promise<Reply<ToolResult>>;
}

export interface ToolDefinition<Schema extends v.GenericSchema> {
  name: string;
  description: string;
  input: Schema;
  reads: Reads;
  writes: Writes;
  approval?: boolean;
  idempotentFor?: number;
  ids?: (input: v.InferOutput<Schema>) => readonly string[];
  act(input: v.InferOutput<Schema>, scope: ToolScope): Promise<Reply<ToolResult>>;
}

/** Fills in the defaults: no approval, no ids, and what only reads may be repeated. */
export function defineTool<Schema extends v.GenericSchema>(definition: ToolDefinition<Schema>): Tool {
  const { ids = () => [], approval = false, writes, idempotentFor = writes === "none" ? Number.POSITIVE_INFINITY : 0 } = definition;
  // The loop checks arguments by `input` before it hands them over.
  return { ...definition, approval, idempotentFor, ids: ids as Tool["ids"], act: definition.act as Tool["act"] };
}

/** What a final answer has done, as the last tool call of the run. */
export interface Conclusion {
  tool: Tool;
  /** Its arguments; undefined: the answer asks for nothing. */
  inputFrom(output: unknown): unknown;
}

/** An agent: declared like a job, run by the job `agent`. */
export interface Agent {
  type: string;
  description: string;
  instructions: string;
  /** Whether what it reads is about persons: such texts are masked below admin. */
  isPersonal: boolean;
  /** Of the payload's `input`. */
  input: v.GenericSchema;
  /** Reads what the agent starts from. */
  prepare(input: unknown, scope: Omit<ToolScope, "key">): Promise<Reply<Given>>;
  tools: readonly Tool[];
  output: v.GenericSchema;
  conclusion: Conclusion | undefined;
  limits: Budget;
  /** Tokens that one answer may have. */
  maxAnswerTokens: number;
  /** How long a proposal waits for a person, in seconds. */
  approvalSeconds: number;
}

export interface AgentDefinition<Input extends v.GenericSchema, Output extends v.GenericSchema> {
  type: string;
  description: string;
  instructions: string;
  /** Default true. */
  isPersonal?: boolean;
  input: Input;
  prepare(input: v.InferOutput<Input>, scope: Omit<ToolScope, "key">): Promise<Reply<Given>>;
  tools?: readonly Tool[];
  output: Output;
  conclusion?: { tool: Tool; inputFrom(output: v.InferOutput<Output>): unknown };
  limits?: Partial<Budget>;
  maxAnswerTokens?: number;
  approvalSeconds?: number;
}

/** A person has this long to decide. Seconds. */
const week = 7 * 24 * 3600;

export const defaultLimits: Budget = { maxSteps: 10, maxTokens: 100_000, maxSeconds: 600, usdPerRun: 0.5, usdPerMonth: 50 };

/** Fills in the defaults. Throws when two tools share a name. */
export function defineAgent<Input extends v.GenericSchema, Output extends v.GenericSchema>(definition: AgentDefinition<Input, Output>): Agent {
  const { tools = [], conclusion, limits, maxAnswerTokens = 4000, approvalSeconds = week, isPersonal = true, prepare, ...rest } = definition;
  const names = [...tools, ...(conclusion ? [conclusion.tool] : [])].map(({ name }) => name);
  if (new Set(names).size < names.length) throw new Error(`Agent "${definition.type}": two tools have one name`);
  return {
    ...rest,
    isPersonal,
    prepare: prepare as Agent["prepare"],
    tools,
    conclusion: conclusion as Conclusion | undefined,
    limits: { ...defaultLimits, ...limits },
    maxAnswerTokens,
    approvalSeconds,
  };
}

/** The agent's tool of that name, its conclusion included. */
export function toolOf(agent: Agent, name: string): Tool | undefined {
  return [...agent.tools, ...(agent.conclusion ? [agent.conclusion.tool] : [])].find((tool) => tool.name === name);
}
