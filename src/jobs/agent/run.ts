import type { RunOf } from "../../domain/agents/capability";
import type { Agent } from "../../domain/agents/define";
import { agentNamed, agents } from "../../domain/agents/list";
import { positionOf } from "../../domain/agents/position";
import { hashOf } from "../../domain/agents/prompt";
import { outcomeOf } from "../../queue/effect";
import type { Run } from "../../queue/job";
import { again, discard, done, type Outcome, wait } from "../../queue/outcome";
import { askModel } from "./ask";
import { callTool } from "./call";
import type { AgentPayload, agent as contract } from "./job";
import { type OpenRun, recordStep, agentRunResult } from "./open-run";
import { hourMs } from "../../time/day";

// Starting an agent wakes its runs; this is for runs that the start missed.
const stoppedWaitMs = hourMs;

export const runAgent = createRunAgent(agents);

/** The loop: one step is one call of the model and the tool calls of its answer, each recorded before the next. */
export function createRunAgent(all: readonly Agent[]): Run<typeof contract> {
  return async (payload, context) => {
    const agent = agentNamed(all, payload.agentType);
    if (!agent) return discard(`there is no agent "${payload.agentType}"`);
    const outcome = await go(agent, payload, context);
    const failedNow = outcome.kind === "retry" || (outcome.kind === "discard" && outcome.reason.startsWith(unusable));
    // Waits and invalid requests are no result of the agent.
    if (outcome.kind === "done" || outcome.kind === "again" || failedNow) context.agents.reportResult(agent.type, failedNow ? "transient" : "answered");
    return outcome;
  };
}

const unusable = "the model's answers cannot be used";

async function go(agent: Agent, payload: AgentPayload, context: Parameters<Run<typeof contract>>[1]): Promise<Outcome> {
  const dry = payload.dryRun || context.dryRun;
  const opening = { job: context.id, agent: agent.type, revision: context.revision, dry, inputHash: await hashOf([agent.type, payload.dryRun, payload.input]) };
  const { revision, ...records } = await context.agents.runs.open(opening, context.now());
  const run: RunOf = { job: context.id, agent: agent.type, revision };
  const openRun: OpenRun = { agent, payload, context, run, dry, ...records };
  await noteRetry(openRun);
  for (;;) {
    const { stopped } = await context.agents.runs.settings(agent.type);
    if (stopped) return wait(`the agent is stopped since ${new Date(stopped.at).toISOString()}`, { until: context.now() + stoppedWaitMs });
    const outcome = await continueRun(openRun);
    if (outcome) return outcome;
    if (context.shouldYield()) return again({ records: openRun.steps.length });
  }
}

/** Records an operator's retry of a run that ended with unusable answers. */
async function noteRetry(openRun: OpenRun): Promise<void> {
  if (positionOf(openRun.agent, openRun.steps).at !== "unusable") return;
  const { step = 0 } = openRun.steps.at(-1) ?? {};
  await recordStep(openRun, { step: step + 1, place: 0, kind: "retry", body: {}, tokens: 0, micros: 0 });
}

async function continueRun(openRun: OpenRun): Promise<Outcome | undefined> {
  const position = positionOf(openRun.agent, openRun.steps);
  switch (position.at) {
    case "begin":
      return prepareInput(openRun);
    case "ask":
      return askModel(openRun, position.step);
    case "call":
      return callTool(openRun, position.call);
    case "unusable":
      return discard(`${unusable}: ${position.issue}`);
    case "nothing-to-do":
      return done({ ...agentRunResult(openRun), output: null, note: "there is nothing to do" });
    case "end":
      return done({ ...agentRunResult(openRun), output: position.output });
  }
}

async function prepareInput(openRun: OpenRun): Promise<Outcome | undefined> {
  const { agent, payload, context } = openRun;
  const scope = { tenant: context.tenant, job: context.id, input: payload.input, world: context.agents.world, signal: context.signal, now: context.now };
  const prepared = await agent.prepare(payload.input, scope);
  if (!prepared.ok) return outcomeOf(prepared.failure, context.now());
  await recordStep(openRun, { step: 0, place: 0, kind: "input", body: prepared.value, tokens: 0, micros: 0 });
  return undefined;
}
