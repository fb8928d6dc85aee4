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
import { type Going, recordStep, resultOf } from "./going";

// A stopped agent's runs are woken by its start; this is for those that were missed then. Milliseconds.
const stoppedWait = 3_600_000;

export const runAgent = createRunAgent(agents);

/** The loop: one step is one call of the model and the tool calls of its answer, each recorded before the next. */
export function createRunAgent(all: readonly Agent[]): Run<typeof contract> {
  return async (payload, context) => {
    const agent = agentNamed(all, payload.agentType);
    if (!agent) return discard(`there is no agent "${payload.agentType}"`);
    const outcome = await go(agent, payload, context);
    const failedNow = outcome.kind === "retry" || (outcome.kind === "discard" && outcome.reason.startsWith(unusable));
    // A wait says nothing of how it goes; what was wrong with a request is not the agent's either.
    if (outcome.kind === "done" || outcome.kind === "again" || failedNow) context.agents.went(agent.type, failedNow ? "transient" : "answered");
    return outcome;
  };
}

const unusable = "the model's answers cannot be used";

async function go(agent: Agent, payload: AgentPayload, context: Parameters<Run<typeof contract>>[1]): Promise<Outcome> {
  const dry = payload.dryRun || context.dryRun;
  const opening = { job: context.id, agent: agent.type, revision: context.revision, dry, inputHash: await hashOf([agent.type, payload.dryRun, payload.input]) };
  const { revision, ...records } = await context.agents.runs.open(opening, context.now());
  const run: RunOf = { job: context.id, agent: agent.type, revision };
  const going: Going = { agent, payload, context, run, dry, ...records };
  await noteRetry(going);
  for (;;) {
    const { stopped } = await context.agents.runs.settings(agent.type);
    if (stopped) return wait(`the agent is stopped since ${new Date(stopped.at).toISOString()}`, { until: context.now() + stoppedWait });
    const outcome = await continueRun(going);
    if (outcome) return outcome;
    if (context.shouldYield()) return again({ records: going.steps.length });
  }
}

/** A run that ended because its answers could not be used runs again: an operator retried it. Its step records that. */
async function noteRetry(going: Going): Promise<void> {
  if (positionOf(going.agent, going.steps).at !== "unusable") return;
  const { step = 0 } = going.steps.at(-1) ?? {};
  await recordStep(going, { step: step + 1, place: 0, kind: "retry", body: {}, tokens: 0, micros: 0 });
}

async function continueRun(going: Going): Promise<Outcome | undefined> {
  const position = positionOf(going.agent, going.steps);
  switch (position.at) {
    case "begin":
      return prepareInput(going);
    case "ask":
      return askModel(going, position.step);
    case "call":
      return callTool(going, position.call);
    case "unusable":
      return discard(`${unusable}: ${position.issue}`);
    case "nothing-to-do":
      return done({ ...resultOf(going), output: null, note: "there is nothing to do" });
    case "end":
      return done({ ...resultOf(going), output: position.output });
  }
}

async function prepareInput(going: Going): Promise<Outcome | undefined> {
  const { agent, payload, context } = going;
  const scope = { tenant: context.tenant, job: context.id, input: payload.input, world: context.agents.world, signal: context.signal, now: context.now };
  const prepared = await agent.prepare(payload.input, scope);
  if (!prepared.ok) return outcomeOf(prepared.failure, context.now());
  await recordStep(going, { step: 0, place: 0, kind: "input", body: prepared.value, tokens: 0, micros: 0 });
  return undefined;
}
