import { approvalReason } from "../../domain/agents/approval";
import { type AgentTool, toolOf } from "../../domain/agents/define";
import { decideCall } from "../../domain/agents/guard";
import type { Called } from "../../domain/agents/model";
import type { RequestedCall } from "../../domain/agents/position";
import { outcomeOf } from "../../queue/effect";
import { discard, done, type Outcome, wait } from "../../queue/outcome";
import { type OpenRun, recordStep, agentRunResult } from "./open-run";

/** Longer outputs are cut: a model reads all of them in each further step. Characters of JSON. */
const maxOutput = 24_000;

/** One tool call, recorded with its result. Undefined: the run continues. */
export async function callTool(openRun: OpenRun, requested: RequestedCall): Promise<Outcome | undefined> {
  const decision = decideCall(openRun.agent, openRun.steps, requested);
  if (decision.kind === "refuse") {
    await note(openRun, requested, { refused: decision.reason, reads: "trusted" });
    return undefined;
  }
  const { tool, input } = decision;
  if (openRun.dry && tool.writes !== "none") return wouldDo(openRun, requested, input);
  if (decision.kind === "act") return act(openRun, requested, tool, input);
  return actIfApproved(openRun, requested, tool, input);
}

async function wouldDo(openRun: OpenRun, requested: RequestedCall, input: unknown): Promise<undefined> {
  const would = { tool: requested.tool, input };
  if (openRun.context.dryRun) await openRun.context.effect(effectKey(requested), () => Promise.reject(new Error("a dry run acts")), { wouldDo: would });
  await note(openRun, requested, { would, reads: "trusted" });
}

async function actIfApproved(openRun: OpenRun, requested: RequestedCall, tool: AgentTool, input: unknown): Promise<Outcome | undefined> {
  const { context, run, agent, proposals } = openRun;
  const { runs } = context.agents;
  const now = context.now();
  const proposal = proposals.find(({ step, place }) => step === requested.step && place === requested.place);
  if (!proposal) {
    const expiresAt = now + agent.approvalSeconds * 1000;
    await context.checkpoint({ step: requested.step, place: requested.place }, runs.proposeWrites(run, { ...requested, body: input, expiresAt }, now));
    return waitForPerson(tool, expiresAt);
  }
  if (proposal.state === "pending" && proposal.expiresAt > now) return waitForPerson(tool, proposal.expiresAt);
  if (proposal.state === "approved") return act(openRun, requested, tool, proposal.body);
  await context.checkpoint({ step: requested.step, place: requested.place }, [...runs.expireWrites(run, now), ...runs.noticedWrites(run)]);
  const note = proposal.state === "rejected" ? "a person rejected the proposal" : "no person decided on the proposal in time";
  return done({ ...agentRunResult(openRun), output: null, note });
}

function waitForPerson({ name }: AgentTool, until: number): Outcome {
  return wait(approvalReason(name), { until });
}

async function act(openRun: OpenRun, requested: RequestedCall, tool: AgentTool, input: unknown): Promise<Outcome | undefined> {
  const { context, payload } = openRun;
  const scope = { tenant: context.tenant, job: context.id, input: payload.input, world: context.agents.world, signal: context.signal, now: context.now };
  const make = (key: string) => tool.act(input, { ...scope, key });
  const key = effectKey(requested);
  // A dry run reads too; as an effect the read would be skipped.
  const reply = context.dryRun ? await make(`${context.id}:${key}`) : await context.effect(key, make, { idempotentFor: tool.idempotentFor });
  if (!reply.ok) return failedCall(openRun, requested, tool, reply.failure);
  const { output, ids } = reply.value ?? foundDone;
  await note(openRun, { ...requested, input }, { output: boundedOutput(output), ...(ids ? { ids } : {}), reads: tool.reads });
  return undefined;
}

/** The result of a call without an answer that an operator recorded as done. */
const foundDone = { output: { note: "a person found that this was done; its output is not known" }, ids: undefined };

/** A failed read is reported to the model; a failed write ends the run, so that a person examines it. */
async function failedCall(openRun: OpenRun, requested: RequestedCall, tool: AgentTool, failure: Parameters<typeof outcomeOf>[0]): Promise<Outcome | undefined> {
  const outcome = outcomeOf(failure, openRun.context.now());
  if (outcome.kind !== "discard") return outcome;
  if (tool.writes !== "none") return discard(`${tool.name}: ${failure.reason}`);
  await note(openRun, requested, { refused: "it failed", reads: "trusted" });
  return undefined;
}

async function note(openRun: OpenRun, { step, place, tool, input }: RequestedCall, how: Omit<Called, "tool" | "input">): Promise<void> {
  const body: Called = { tool: toolOf(openRun.agent, tool)?.name ?? tool.slice(0, 64), input: input ?? null, ...how };
  await recordStep(openRun, { step, place, kind: "tool", body, tokens: 0, micros: 0 }, openRun.context.agents.runs.noticedWrites(openRun.run));
}

/** The same after redeliveries and restarts, so that a call is made once. */
function effectKey({ step, place }: RequestedCall): string {
  return `s${step}:${place - 1}`;
}

function boundedOutput(output: unknown): unknown {
  const text = JSON.stringify(output ?? null);
  return text.length <= maxOutput ? output : { cut: text.slice(0, maxOutput).toWellFormed() };
}
