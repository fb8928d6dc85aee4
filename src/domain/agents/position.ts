import type { Agent } from "./define";
import type { ModelAnswer, ModelStep, Reads, AgentStep } from "./model";

/** A tool call that an answer requests. */
export interface RequestedCall {
  step: number;
  /** From 1 within its answer. */
  place: number;
  tool: string;
  input: unknown;
}

/** The next thing that a run does. */
type Position =
  | { at: "begin" }
  | { at: "nothing-to-do" }
  | { at: "ask"; step: number }
  | { at: "call"; call: RequestedCall }
  | { at: "end"; output: unknown; acted: unknown }
  | { at: "unusable"; issue: string };

/** Follows from the recorded steps alone, so a restart gives the same position. Pure. */
export function positionOf(agent: Agent, steps: readonly AgentStep[]): Position {
  if (steps.length === 0) return { at: "begin" };
  const newest = steps.at(-1);
  if (newest?.kind === "retry") return { at: "ask", step: newest.step + 1 };
  const last = lastAnswer(steps);
  if (!last) return steps.some(({ kind, body }) => kind === "input" && body.isEmpty) ? { at: "nothing-to-do" } : { at: "ask", step: 1 };
  const { step, body: answer } = last;
  if (answer.flaw !== undefined) return isSecondIssue(steps, step) ? { at: "unusable", issue: answer.flaw } : { at: "ask", step: step + 1 };
  const calls = callsOf(agent, last);
  const open = calls.find(({ place }) => !steps.some((each) => each.step === step && each.place === place));
  if (open) return { at: "call", call: open };
  if (!("output" in answer)) return wasRefusedTwice(steps, step) ?? { at: "ask", step: step + 1 };
  const concluded = steps.find((each) => each.step === step && each.place === 1);
  return { at: "end", output: answer.output, acted: concluded?.kind === "tool" ? concluded.body : undefined };
}

/** The tool calls of an answer: those it requests, or the conclusion of the final answer. */
function callsOf(agent: Agent, { step, body }: ModelStep): RequestedCall[] {
  if (!("output" in body)) return body.toolCalls.map(({ name, input }, index) => ({ step, place: index + 1, tool: name, input }));
  const input = agent.conclusion?.inputFrom(body.output);
  return input === undefined || !agent.conclusion ? [] : [{ step, place: 1, tool: agent.conclusion.tool.name, input }];
}

/** Whether the context contains text from outside. */
export function readsOf(steps: readonly AgentStep[]): Reads {
  return steps.some(({ kind, body }) => (kind === "input" || kind === "tool") && body.reads === "untrusted") ? "untrusted" : "trusted";
}

/** Ids that arguments may name: those of the starting data, and of rows that tools read. */
export function knownIds(steps: readonly AgentStep[]): ReadonlySet<string> {
  return new Set(steps.flatMap(({ kind, body }) => (kind === "input" || kind === "tool" ? (body.ids ?? []) : [])));
}

function lastAnswer(steps: readonly AgentStep[]): ModelStep | undefined {
  return steps.findLast((each): each is ModelStep => each.kind === "model");
}

function answerAt(steps: readonly AgentStep[], step: number): ModelAnswer | undefined {
  const answer = steps.find((each) => each.step === step && each.kind === "model");
  return answer?.kind === "model" ? answer.body : undefined;
}

/** Whether the previous answer had an issue as well: one repair is allowed. */
function isSecondIssue(steps: readonly AgentStep[], step: number): boolean {
  return answerAt(steps, step - 1)?.flaw !== undefined || areAllRefused(steps, step - 1);
}

/** Refused calls count as an unusable answer. */
function wasRefusedTwice(steps: readonly AgentStep[], step: number): Position | undefined {
  const again = areAllRefused(steps, step) && (areAllRefused(steps, step - 1) || answerAt(steps, step - 1)?.flaw !== undefined);
  return again ? { at: "unusable", issue: "it twice asked for calls that cannot be made" } : undefined;
}

function areAllRefused(steps: readonly AgentStep[], step: number): boolean {
  const calls = steps.filter((each) => each.step === step && each.kind === "tool");
  return calls.length > 0 && calls.every(({ kind, body }) => kind === "tool" && body.refused !== undefined);
}
