import type { NewStep, RunOf, RunRecord } from "../../domain/agents/capability";
import type { Agent } from "../../domain/agents/define";
import { type AgentStep, usdFromMicros } from "../../domain/agents/model";
import type { Run } from "../../queue/job";
import type { AgentPayload, agent as contract } from "./job";

/** A run in progress, with its records. */
export interface OpenRun extends RunRecord {
  agent: Agent;
  payload: AgentPayload;
  context: Parameters<Run<typeof contract>>[1];
  run: RunOf;
  dry: boolean;
}

/** Commits a step together with `writes`, under the job's lease. Resets the attempts. */
export async function recordStep(openRun: OpenRun, step: NewStep, writes: readonly unknown[] = []): Promise<void> {
  const { context, run } = openRun;
  const now = context.now();
  const own = await context.agents.runs.stepWrites(run, step, now);
  try {
    await context.checkpoint({ step: step.step, place: step.place }, [...own.writes, ...writes]);
  } catch (thrown) {
    // The run was erased or lost its lease: without a row its text in R2 could not be found.
    if (own.ref !== null) await context.agents.runs.dropText(own.ref);
    throw thrown;
  }
  openRun.steps.push({ ...step, revision: run.revision, at: now } as AgentStep);
}

/** The fields of every result. */
export function agentRunResult({ agent, dry, micros }: Pick<OpenRun, "agent" | "dry" | "micros">): { agentType: string; dryRun: boolean; usd: number } {
  return { agentType: agent.type, dryRun: dry, usd: usdFromMicros(micros) };
}
