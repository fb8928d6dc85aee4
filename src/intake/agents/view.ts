import { iso, isoOrNull } from "../../time/iso";
import * as v from "valibot";
import { budgetOf, monthOf, noSpend, type Spend, tenantUsdPerMonth } from "../../domain/agents/budget";
import { type Agent, toolOf } from "../../domain/agents/define";
import { agentNamed } from "../../domain/agents/list";
import { type Proposal, type AgentStep, usdFromMicros } from "../../domain/agents/model";
import type { AgentSummary, RunDetail, RunSummary, TenantAgents } from "../../domain/agents/queries";
import { isoTime, outputList } from "../../bounded";
import { mask, maskAll } from "../../masking/personal";
import { states } from "../../queue/state";

const json = v.pipe(v.unknown(), v.description("JSON; personal fields are •••"));
const usd = v.pipe(v.number(), v.description("USD"));

const summaryEntries = {
  id: v.string(),
  agentType: v.string(),
  dryRun: v.boolean(),
  state: v.picklist(states),
  waitingFor: v.optional(v.pipe(v.string(), v.description("Why it waits or will be tried again"))),
  error: v.optional(v.pipe(v.string(), v.description("Why it failed"))),
  tokens: v.number(),
  usd: v.pipe(v.number(), v.description("USD, with what a lost answer may have cost")),
  at: v.nullable(isoTime),
};

const stepShape = v.object({
  n: v.pipe(v.number(), v.description("The step: 0 is what the agent was given, each further one a model's answer and its tool calls")),
  revision: v.pipe(v.number(), v.description("A replay with a changed payload raises it and starts the run anew; records of earlier ones come first")),
  kind: v.pipe(v.picklist(["input", "model", "tool", "retry"]), v.description("retry: an operator had a run tried again whose answers could not be used")),
  tool: v.optional(v.string()),
  input: v.optional(json),
  output: v.optional(json),
  would: v.optional(v.pipe(v.unknown(), v.description("In a dry run: what would have been done"))),
  error: v.optional(v.pipe(v.string(), v.description("Why an answer could not be used or a call was not made"))),
  model: v.optional(v.string()),
  promptHash: v.optional(v.pipe(v.string(), v.description("SHA-256 of the complete request"))),
  tokens: v.number(),
  usd,
  at: isoTime,
});

export const runShape = v.object({
  ...summaryEntries,
  steps: outputList(stepShape),
  proposal: v.optional(v.pipe(v.unknown(), v.description("The proposal for a person's approval, pending or decided"))),
  approval: v.optional(
    v.object({
      id: v.pipe(v.string(), v.description("Id of this proposal for `approve` and `reject`")),
      state: v.picklist(["pending", "approved", "rejected", "expired"]),
      tool: v.string(),
      edited: v.boolean(),
      askedAt: isoTime,
      expiresAt: isoTime,
      decidedAt: v.nullable(isoTime),
      decidedBy: v.nullable(v.string()),
      decidedByName: v.pipe(v.nullable(v.string()), v.description("Name of that token")),
      reason: v.nullable(v.string()),
    }),
  ),
  revealed: v.boolean(),
});

export const runsShape = v.object({ agentRuns: outputList(v.object(summaryEntries)), cursor: v.nullable(v.string()) });

const budgetShape = v.object({ maxSteps: v.number(), maxTokens: v.number(), maxSeconds: v.number(), usdPerRun: usd, usdPerMonth: usd });

const monthShape = v.object({ month: v.string(), usd, tokens: v.number(), calls: v.number() });

export const agentShape = v.object({
  type: v.string(),
  description: v.string(),
  tools: outputList(v.object({ name: v.string(), description: v.string(), reads: v.string(), writes: v.string(), approval: v.boolean() })),
  budget: budgetShape,
  stopped: v.nullable(v.object({ at: isoTime, by: v.string(), byName: v.pipe(v.nullable(v.string()), v.description("Name of that token")) })),
  month: monthShape,
});

/** The monthly budget of all agents of a tenant together. */
export const tenantAgentsShape = v.object({ budget: v.object({ usdPerMonth: usd }), month: monthShape });

export function tenantAgentsView({ budget, spend }: TenantAgents, now: number) {
  return { budget: { usdPerMonth: tenantUsdPerMonth(budget) }, month: monthView(spend, now) };
}

function monthView({ micros, tokens, calls }: Spend, now: number) {
  return { month: monthOf(now), usd: usdFromMicros(micros), tokens, calls };
}

/** An agent with the tenant's settings and what it has cost. */
export function agentView(agent: Agent, set: AgentSummary | undefined, now: number) {
  const tools = [...agent.tools, ...(agent.conclusion ? [agent.conclusion.tool] : [])];
  return {
    type: agent.type,
    description: agent.description,
    tools: tools.map(({ name, description, reads, writes, approval }) => ({ name, description, reads, writes, approval })),
    budget: budgetOf(agent.limits, set?.budget ?? null),
    stopped: set?.stopped ? { at: iso(set.stopped.at), by: set.stopped.by, byName: set.stopped.byName } : null,
    month: monthView(set?.spend ?? noSpend, now),
  };
}

export function summaryView({ id, agent, dry, state, reason, tokens, micros, at }: RunSummary) {
  const held = state === "waiting" || state === "retrying";
  const failed = state === "dead" || state === "discarded";
  return {
    ...{ id, agentType: agent, dryRun: dry, state, tokens },
    ...(held && reason !== null ? { waitingFor: reason } : {}),
    ...(failed ? { error: reason ?? "unknown" } : {}),
    usd: usdFromMicros(micros),
    at: iso(at),
  };
}

/** A run as a caller may see it: revealed, or masked by its agent's schemas. */
export function runView(agents: readonly Agent[], run: RunDetail, revealed: boolean) {
  const agent = agentNamed(agents, run.agent);
  const hide = revealed ? undefined : (agent ?? "unknown");
  const { proposal } = run;
  return {
    ...summaryView(run),
    steps: run.steps.map((step) => stepView(step, hide)),
    ...(proposal ? { proposal: maskedInput(proposal.tool, proposal.body, hide), approval: approvalView(proposal) } : {}),
    revealed,
  };
}

/** The view of a job whose run has not begun. */
export function unbegunView(id: string, { agentType, dryRun }: { agentType: string; dryRun: boolean }, summary: { state: string; at: string | null }) {
  return { id, agentType, dryRun, state: summary.state, tokens: 0, usd: 0, at: summary.at, steps: [], revealed: false };
}

/** The agent whose schemas mask a record; undefined: the record is not masked. */
type Hide = Agent | "unknown" | undefined;

function stepView(step: AgentStep, hide: Hide) {
  const base = { n: step.step, revision: step.revision, kind: step.kind, tokens: step.tokens, usd: usdFromMicros(step.micros), at: iso(step.at) };
  if (step.kind === "input") return { ...base, input: masked(step.body.data, hide) };
  if (step.kind === "model") {
    const { text, toolCalls, output, flaw, model, promptHash } = step.body;
    const answer = output !== undefined ? maskedOutput(output, hide) : masked(text, hide);
    const calls = toolCalls.map(({ name, input }) => ({ tool: maskedName(name, hide), input: maskedInput(name, input, hide) }));
    return {
      ...base,
      output: calls.length > 0 ? { text: answer, toolCalls: calls } : answer,
      ...(flaw === undefined ? {} : { error: flaw }),
      model,
      promptHash,
    };
  }
  if (step.kind === "retry") return base;
  const { tool, input, output, would, refused } = step.body;
  return {
    ...base,
    tool: maskedName(tool, hide),
    input: maskedInput(tool, input, hide),
    ...(output === undefined ? {} : { output: masked(output, hide) }),
    ...(would === undefined ? {} : { would: maskedWould(tool, would, hide) }),
    ...(refused === undefined ? {} : { error: refused }),
  };
}

function masked(value: unknown, hide: Hide): unknown {
  return hide === undefined || (hide !== "unknown" && !hide.isPersonal) ? value : maskAll(value);
}

function maskedOutput(value: unknown, hide: Hide): unknown {
  if (hide === undefined) return value;
  return hide === "unknown" ? maskAll(value) : mask(hide.output, value);
}

/** A name that no tool has is text of the model, and masked. */
function maskedName(tool: string, hide: Hide): unknown {
  const isKnown = hide === undefined || (hide !== "unknown" && toolOf(hide, tool) !== undefined);
  return isKnown ? tool : maskAll(tool);
}

/** Arguments that their tool's schema refuses are masked whole. */
function maskedInput(tool: string, value: unknown, hide: Hide): unknown {
  if (hide === undefined) return value;
  const schema = hide === "unknown" ? undefined : toolOf(hide, tool)?.input;
  return schema !== undefined && v.is(schema, value) ? mask(schema, value) : maskAll(value);
}

function maskedWould(tool: string, would: unknown, hide: Hide): unknown {
  const { input } = would as { input: unknown };
  return { tool: maskedName(tool, hide), input: maskedInput(tool, input, hide) };
}

/** Identifies a proposal: one run may have several, one after the other. */
export function proposalId({ revision, step, place }: Pick<Proposal, "revision" | "step" | "place">): string {
  return `${revision}.${step}.${place}`;
}

function approvalView(proposal: NonNullable<RunDetail["proposal"]>) {
  const { state, tool, edited, askedAt, expiresAt, decidedAt, decidedBy, decidedByName, reason } = proposal;
  return {
    id: proposalId(proposal),
    state,
    tool,
    edited,
    askedAt: iso(askedAt),
    expiresAt: iso(expiresAt),
    decidedAt: isoOrNull(decidedAt),
    decidedBy,
    decidedByName,
    reason,
  };
}
