import { withCommas } from "../../decimal";
import * as v from "valibot";
import type { ToolCall } from "../../providers/models/models";

/** Whether a tool's output or an agent's input is trusted. `untrusted`: part of it was written outside, so it may contain instructions. */
export type Reads = "trusted" | "untrusted";

/** What a tool changes: nothing, the tenant's rows, or an outside system. */
export type Writes = "none" | "tenant" | "outside";

/** The limits that a tenant may set. */
export const budgetInput = v.strictObject({
  maxSteps: v.optional(wholeNumber(100)),
  maxTokens: v.optional(wholeNumber(10_000_000)),
  maxSeconds: v.optional(wholeNumber(36_000)),
  usdPerRun: v.optional(usd(1000)),
  usdPerMonth: v.optional(usd(100_000)),
});

/** The limits that a tenant may set for all its agents together. */
export const tenantBudgetInput = v.strictObject({ usdPerMonth: v.optional(usd(1_000_000)) });

export type TenantBudget = v.InferOutput<typeof tenantBudgetInput>;

export type BudgetInput = v.InferOutput<typeof budgetInput>;

/** Limits of one run, and of all runs of one agent and tenant in a month. Money in USD. `maxSeconds` is time in model calls; waiting does not count. */
export type AgentBudget = { [Limit in keyof BudgetInput]-?: NonNullable<BudgetInput[Limit]> };

function wholeNumber(max: number) {
  const rule = `must be a whole number from 1 to ${withCommas(max)}`;
  return v.pipe(v.number(rule), v.integer(rule), v.minValue(1, rule), v.maxValue(max, rule));
}

function usd(max: number) {
  const rule = `must be from 0 to ${withCommas(max)} USD`;
  return v.pipe(v.number(rule), v.minValue(0, rule), v.maxValue(max, rule));
}

/** An agent's starting data: read once, recorded as step 0. */
export interface Given {
  data: unknown;
  /** Ids that arguments of tools may name. */
  ids: readonly string[];
  reads: Reads;
  /** There is nothing to do, so no model is called. */
  isEmpty?: boolean;
}

/** A model's answer, recorded before it is acted on. */
export interface ModelAnswer {
  text: string;
  toolCalls: readonly ToolCall[];
  /** The final answer, when it fits the schema. */
  output?: unknown;
  /** Why the answer is unusable; sent back to the model once. */
  flaw?: string;
  model: string;
  /** SHA-256 of the whole request, in hexadecimal. */
  promptHash: string;
  tokens: { input: number; output: number };
}

/** A recorded tool call with its result. */
export interface Called {
  tool: string;
  input: unknown;
  output?: unknown;
  /** In a dry run: the act that was not performed. */
  would?: unknown;
  /** Why the call was refused; sent back to the model. */
  refused?: string;
  ids?: readonly string[];
  reads: Reads;
}

/** The place of a record in its run, and what it used. */
export interface Placed {
  /** The job's revision: a replay with a changed payload starts again under a higher one. */
  revision: number;
  step: number;
  /** 0 for the answer; from 1 for the tool calls of the step's answer. */
  place: number;
  tokens: number;
  /** Millionths of a USD. */
  micros: number;
  /** Milliseconds. */
  at: number;
}

/** One record of a run. */
export type AgentStep = Placed &
  (
    | { kind: "input"; body: Given }
    | { kind: "model"; body: ModelAnswer }
    | { kind: "tool"; body: Called }
    /** An operator retried a run whose answers were unusable. */
    | { kind: "retry"; body: Record<string, never> }
  );

export type ModelStep = Extract<AgentStep, { kind: "model" }>;

/** A tool call that waits for approval. Times in milliseconds. */
export interface Proposal {
  revision: number;
  step: number;
  place: number;
  agent: string;
  tool: string;
  /** The tool's arguments; after approval, as the person edited them. */
  body: unknown;
  state: "pending" | "approved" | "rejected" | "expired";
  edited: boolean;
  askedAt: number;
  expiresAt: number;
  decidedAt: number | null;
  decidedBy: string | null;
  reason: string | null;
}

/** What a run has used, reservations included. */
export interface Used {
  tokens: number;
  micros: number;
  ms: number;
}

export function microsOf(usdAmount: number): number {
  return Math.round(usdAmount * 1_000_000);
}

export function usdFromMicros(micros: number): number {
  return micros / 1_000_000;
}
