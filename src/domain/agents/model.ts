import { withCommas } from "../../decimal";
import * as v from "valibot";
import type { ToolCall } from "../../providers/models/models";

/** What a tool's output and an agent's input may be trusted for. `untrusted`: some of it was written outside, so it may hold instructions. */
export type Reads = "trusted" | "untrusted";

/** What a tool changes: nothing, rows of the tenant here, or something outside. */
export type Writes = "none" | "tenant" | "outside";

/** Bounds of one run, and of a month of all runs of one agent and tenant. Money in USD. */
export interface Budget {
  maxSteps: number;
  maxTokens: number;
  /** In calls of models; waiting does not count. */
  maxSeconds: number;
  usdPerRun: number;
  usdPerMonth: number;
}

/** What a tenant may set of it. */
export const budgetInput = v.strictObject({
  maxSteps: v.optional(wholeNumber(100)),
  maxTokens: v.optional(wholeNumber(10_000_000)),
  maxSeconds: v.optional(wholeNumber(36_000)),
  usdPerRun: v.optional(usd(1000)),
  usdPerMonth: v.optional(usd(100_000)),
});

/** What a tenant may set for all its agents together. */
export const tenantBudgetInput = v.strictObject({ usdPerMonth: v.optional(usd(1_000_000)) });

export type TenantBudget = v.InferOutput<typeof tenantBudgetInput>;

export type BudgetInput = v.InferOutput<typeof budgetInput>;

function wholeNumber(max: number) {
  const rule = `must be a whole number from 1 to ${withCommas(max)}`;
  return v.pipe(v.number(rule), v.integer(rule), v.minValue(1, rule), v.maxValue(max, rule));
}

function usd(max: number) {
  const rule = `must be from 0 to ${withCommas(max)} USD`;
  return v.pipe(v.number(rule), v.minValue(0, rule), v.maxValue(max, rule));
}

/** What an agent starts from: read once, recorded as step 0. */
export interface Given {
  data: unknown;
  /** Ids that arguments of tools may name. */
  ids: readonly string[];
  reads: Reads;
  /** There is nothing to do, so no model is asked. */
  isEmpty?: boolean;
}

/** A model's answer, recorded before anything is done with it. */
export interface Answer {
  text: string;
  toolCalls: readonly ToolCall[];
  /** The final answer, when it is one that fits. */
  output?: unknown;
  /** Why it cannot be used; sent back to the model, once. */
  flaw?: string;
  model: string;
  /** SHA-256 of all that was asked, in hexadecimal. */
  promptHash: string;
  tokens: { input: number; output: number };
}

/** A tool call, recorded with how it ended. */
export interface Called {
  tool: string;
  input: unknown;
  output?: unknown;
  /** A dry run: what would have been done. */
  would?: unknown;
  /** Why it was not made; sent back to the model. */
  refused?: string;
  ids?: readonly string[];
  reads: Reads;
}

interface Placed {
  /** Of the job: a replay with a changed payload begins anew under a higher one. */
  revision: number;
  step: number;
  /** 0, or the number of the tool call of the step's answer. */
  place: number;
  tokens: number;
  /** Millionths of a USD. */
  micros: number;
  /** Milliseconds. */
  at: number;
}

/** One record of a run. */
export type Step = Placed &
  (
    | { kind: "input"; body: Given }
    | { kind: "model"; body: Answer }
    | { kind: "tool"; body: Called }
    /** An operator had a run tried again whose answers could not be used. */
    | { kind: "retry"; body: Record<string, never> }
  );

export type ModelStep = Extract<Step, { kind: "model" }>;

/** A tool call that waits for a person. Times in milliseconds. */
export interface Proposal {
  revision: number;
  step: number;
  place: number;
  agent: string;
  tool: string;
  /** The tool's arguments, as edited once it is approved. */
  body: unknown;
  state: "pending" | "approved" | "rejected" | "expired";
  edited: boolean;
  askedAt: number;
  expiresAt: number;
  decidedAt: number | null;
  decidedBy: string | null;
  reason: string | null;
}

/** What a run has used so far, reservations included. */
export interface Used {
  tokens: number;
  micros: number;
  ms: number;
}

export function microsOf(usdAmount: number): number {
  return Math.round(usdAmount * 1_000_000);
}

export function usdOf(micros: number): number {
  return micros / 1_000_000;
}
