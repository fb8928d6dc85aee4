import * as v from "valibot";
import { budgetOf, monthOf, type Spend } from "../../domain/agents/budget";
import type { AgentSettings } from "../../domain/agents/capability";
import { type Agent, toolOf } from "../../domain/agents/define";
import { agentNamed } from "../../domain/agents/list";
import { type Proposal, type Step, usdOf } from "../../domain/agents/model";
import type { RunDetail, RunSummary } from "../../domain/agents/queries";
import { outputList } from "../../queue/bounded";
import { mask, maskAll } from "../../masking/personal";
import { states } from "../../queue/state";
import { isoTime } from "../shapes";
import { iso, isoOrNull } from "../views";

const json = v.pipe(v.unknown(), v.description("JSON; what is personal reads •••"));
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
  kind: v.picklist(["input", "model", "tool"]),
  tool: v.optional(v.string()),
  input: v.optional(json),
  output: v.optional(json),
  would: v.optional(v.pipe(v.unknown(), v.description("Of a dry run: what would have been done"))),
  error: v.optional(v.pipe(v.string(), v.description("Why an answer could not be used or a call was not made"))),
  model: v.optional(v.string()),
  promptHash: v.optional(v.pipe(v.string(), v.description("SHA-256 of all that was asked"))),
  tokens: v.number(),
  usd,
  at: isoTime,
});

export const runShape = v.object({
  ...summaryEntries,
  steps: outputList(stepShape),
  proposal: v.optional(v.pipe(v.unknown(), v.description("What waits for a person, or waited; to be approved as it is or edited"))),
  approval: v.optional(
    v.object({
      state: v.picklist(["pending", "approved", "rejected", "expired"]),
      tool: v.string(),
      edited: v.boolean(),
      askedAt: isoTime,
      expiresAt: isoTime,
      decidedAt: v.nullable(isoTime),
      decidedBy: v.nullable(v.string()),
      reason: v.nullable(v.string()),
    }),
  ),
  revealed: v.boolean(),
});

export const runsShape = v.object({ agentRuns: outputList(v.object(summaryEntries)), cursor: v.nullable(v.string()) });

const budgetShape = v.object({ maxSteps: v.number(), maxTokens: v.number(), maxSeconds: v.number(), usdPerRun: usd, usdPerMonth: usd });

export const agentShape = v.object({
  type: v.string(),
  description: v.string(),
  tools: outputList(v.object({ name: v.string(), description: v.string(), reads: v.string(), writes: v.string(), approval: v.boolean() })),
  budget: budgetShape,
  stopped: v.nullable(v.object({ at: isoTime, by: v.string() })),
  month: v.object({ month: v.string(), usd, tokens: v.number(), calls: v.number() }),
});

/** An agent with what a tenant set and spent. */
export function agentView(agent: Agent, set: (AgentSettings & { spend: Spend }) | undefined, now: number) {
  const { micros = 0, tokens = 0, calls = 0 } = set?.spend ?? {};
  const tools = [...agent.tools, ...(agent.conclusion ? [agent.conclusion.tool] : [])];
  return {
    type: agent.type,
    description: agent.description,
    tools: tools.map(({ name, description, reads, writes, approval }) => ({ name, description, reads, writes, approval })),
    budget: budgetOf(agent.limits, set?.budget ?? null),
    stopped: set?.stopped ? { at: iso(set.stopped.at), by: set.stopped.by } : null,
    month: { month: monthOf(now), usd: usdOf(micros), tokens, calls },
  };
}

export function summaryView({ id, agent, dry, state, reason, tokens, micros, at }: RunSummary) {
  const held = state === "waiting" || state === "retrying";
  const failed = state === "dead" || state === "discarded";
  return {
    ...{ id, agentType: agent, dryRun: dry, state, tokens },
    ...(held && reason !== null ? { waitingFor: reason } : {}),
    ...(failed ? { error: reason ?? "unknown" } : {}),
    usd: usdOf(micros),
    at: iso(at),
  };
}

/** A run as it may be shown: revealed, or masked by what its agent declares. */
export function runView(agents: readonly Agent[], run: RunDetail, revealed: boolean) {
  const agent = agentNamed(agents, run.agent);
  const hide = revealed ? undefined : (agent ?? "unknown");
  const { proposal } = run;
  return {
    ...summaryView(run),
    steps: run.steps.map((step) => stepView(step, hide)),
    ...(proposal ? { proposal: shownInput(proposal.tool, proposal.body, hide), approval: approvalView(proposal) } : {}),
    revealed,
  };
}

/** Of a job whose run has not begun. */
export function unbegunView(id: string, { agentType, dryRun }: { agentType: string; dryRun: boolean }, summary: { state: string; at: string | null }) {
  return { id, agentType, dryRun, state: summary.state, tokens: 0, usd: 0, at: summary.at, steps: [], revealed: false };
}

/** By whose declarations a record is masked; undefined: it is not. */
type Hide = Agent | "unknown" | undefined;

function stepView(step: Step, hide: Hide) {
  const base = { n: step.step, kind: step.kind, tokens: step.tokens, usd: usdOf(step.micros), at: iso(step.at) };
  if (step.kind === "input") return { ...base, input: shown(step.body.data, hide) };
  if (step.kind === "model") {
    const { text, toolCalls, output, flaw, model, promptHash } = step.body;
    const said = output !== undefined ? shownOutput(output, hide) : shown(text, hide);
    const asked = toolCalls.map(({ name, input }) => ({ tool: name, input: shownInput(name, input, hide) }));
    return { ...base, output: asked.length > 0 ? { text: said, toolCalls: asked } : said, ...(flaw === undefined ? {} : { error: flaw }), model, promptHash };
  }
  const { tool, input, output, would, refused } = step.body;
  return {
    ...base,
    tool,
    input: shownInput(tool, input, hide),
    ...(output === undefined ? {} : { output: shown(output, hide) }),
    ...(would === undefined ? {} : { would: shownWould(tool, would, hide) }),
    ...(refused === undefined ? {} : { error: refused }),
  };
}

function shown(value: unknown, hide: Hide): unknown {
  return hide === undefined || (hide !== "unknown" && !hide.isPersonal) ? value : maskAll(value);
}

function shownOutput(value: unknown, hide: Hide): unknown {
  if (hide === undefined) return value;
  return hide === "unknown" ? maskAll(value) : mask(hide.output, value);
}

/** Arguments that do not fit their tool's schema are masked like every other text. */
function shownInput(tool: string, value: unknown, hide: Hide): unknown {
  if (hide === undefined) return value;
  const schema = hide === "unknown" ? undefined : toolOf(hide, tool)?.input;
  return schema !== undefined && v.is(schema, value) ? mask(schema, value) : maskAll(value);
}

function shownWould(tool: string, would: unknown, hide: Hide): unknown {
  const { input } = would as { input: unknown };
  return { tool, input: shownInput(tool, input, hide) };
}

function approvalView({ state, tool, edited, askedAt, expiresAt, decidedAt, decidedBy, reason }: Proposal) {
  return { state, tool, edited, askedAt: iso(askedAt), expiresAt: iso(expiresAt), decidedAt: isoOrNull(decidedAt), decidedBy, reason };
}
