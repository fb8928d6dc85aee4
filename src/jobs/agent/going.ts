import type { NewStep, RunOf, RunRecord } from "../../domain/agents/capability";
import type { Agent } from "../../domain/agents/define";
import { type Step, usdOf } from "../../domain/agents/model";
import type { Run } from "../../queue/job";
import type { AgentPayload, agent as contract } from "./job";

/** A run under way, with all that is recorded of it. */
export interface Going extends RunRecord {
  agent: Agent;
  payload: AgentPayload;
  context: Parameters<Run<typeof contract>>[1];
  run: RunOf;
  dry: boolean;
}

/** Records a step durably, together with `writes`, while the job is this run's. The attempts begin anew. */
export async function recordStep(going: Going, step: NewStep, writes: readonly unknown[] = []): Promise<void> {
  const { context, run } = going;
  const now = context.now();
  const own = await context.agents.runs.stepWrites(run, step, now);
  try {
    await context.checkpoint({ step: step.step, place: step.place }, [...own.writes, ...writes]);
  } catch (thrown) {
    // A text of a run that was erased or taken over meanwhile would lie in R2 with no row to find it by.
    if (own.ref !== null) await context.agents.runs.dropText(own.ref);
    throw thrown;
  }
  going.steps.push({ ...step, revision: run.revision, at: now } as Step);
}

/** What every result of a run says. */
export function resultOf({ agent, dry, micros }: Pick<Going, "agent" | "dry" | "micros">): { agentType: string; dryRun: boolean; usd: number } {
  return { agentType: agent.type, dryRun: dry, usd: usdOf(micros) };
}
