import { iso } from "../../time/iso";
import * as v from "valibot";
import { type Agent, toolOf } from "../../domain/agents/define";
import { agentNamed } from "../../domain/agents/list";
import { budgetInput, type Proposal, type AgentStep, tenantBudgetInput } from "../../domain/agents/model";
import { knownIds } from "../../domain/agents/position";
import type { ProposalDecision } from "../../domain/agents/store";
import { Problem } from "../../errors";
import { agent as agentContract } from "../../jobs/agent/job";
import { boundedName, boundedText, outputList } from "../../bounded";
import { isTerminal } from "../../queue/state";
import { validate } from "../../queue/validate";
import { agentShape, agentView, proposalId, runShape, runsShape, runView, summaryView, tenantAgentsShape, tenantAgentsView, unbegunView } from "../agents/view";
import { audit, isRevealed } from "../audit";
import { smallBody } from "../body";
import type { IntakeDeps } from "../deps";
import { deadLetterCursor, paging, revealing } from "../query";
import { found, notFound } from "../problem";
import { actorOf, type Caller, param, route } from "../route";

const revealQuery = revealing("personal texts");

const proposalIdField = v.optional(
  v.pipe(boundedText(40), v.description("`approval.id` of the proposal that is meant: 409 when another one is pending now. Default: the pending proposal")),
);

const approval = v.strictObject({
  id: proposalIdField,
  proposal: v.optional(v.pipe(v.unknown(), v.description("The proposal as a person changed it; without it, it is approved as it is"))),
});

const rejection = v.strictObject({ id: proposalIdField, reason: v.optional(boundedText(1000, { trim: true })) });

export const agentRoutes = [
  route("GET /v1/agents", {
    name: "listAgents",
    summary: "Agents with their tools, budgets and what they cost this month",
    description: "See docs/agents.md.",
    scope: "read",
    answers: { 200: v.object({ agents: outputList(agentShape), ...tenantAgentsShape.entries }) },
    handle: async ({ deps, tenant }) => {
      const settings = await deps.agents.settings(tenant);
      const agents = deps.agents.agents().map((agent) => agentView(agent, settings.byAgent.get(agent.type), deps.now()));
      return { status: 200, body: { agents, ...tenantAgentsView(settings, deps.now()) } };
    },
  }),
  route("PUT /v1/agents/budget", {
    name: "putAgentsBudget",
    summary: "Set the monthly budget of all agents together; the default is 100 USD",
    scope: "admin",
    body: { schema: tenantBudgetInput, limit: smallBody },
    answers: { 200: tenantAgentsShape },
    handle: async ({ deps, tenant, body, caller }) => {
      await deps.agents.putBudget(tenant, null, body);
      await audit({ deps, tenant, caller }, "budget", "agents", JSON.stringify(body));
      return { status: 200, body: tenantAgentsView(await deps.agents.settings(tenant), deps.now()) };
    },
  }),
  route("PUT /v1/agents/:type/budget", {
    name: "putAgentBudget",
    summary: "Set an agent's budget; fields that are left out get the agent's defaults",
    scope: "admin",
    changesOnly: true,
    body: { schema: budgetInput, limit: smallBody },
    answers: { 200: agentShape },
    handle: ({ deps, tenant, params, body, caller }) =>
      changedAgent(deps, { tenant, params, caller }, "budget", (agent) => deps.agents.putBudget(tenant, agent.type, body), JSON.stringify(body)),
  }),
  route("POST /v1/agents/:type/stop", {
    name: "stopAgent",
    summary: "Stop an agent: its runs wait before their next call",
    scope: "operate",
    answers: { 200: agentShape },
    handle: ({ deps, tenant, params, caller }) =>
      changedAgent(deps, { tenant, params, caller }, "stop", (agent) => deps.agents.stop(tenant, agent.type, actorOf(caller))),
  }),
  route("POST /v1/agents/:type/start", {
    name: "startAgent",
    summary: "Let a stopped agent run again; runs that waited go on",
    scope: "operate",
    answers: { 200: agentShape },
    handle: ({ deps, tenant, params, caller }) => changedAgent(deps, { tenant, params, caller }, "start", (agent) => deps.agents.start(tenant, agent.type)),
  }),
  route("GET /v1/agent-runs", {
    name: "listAgentRuns",
    summary: "Runs of agents, newest first",
    scope: "read",
    query: v.strictObject({ agentType: v.optional(boundedName("must be an agent")), cursor: deadLetterCursor, ...paging }),
    answers: { 200: runsShape },
    handle: async ({ deps, tenant, query: { agentType, cursor, limit } }) => {
      const runs = await deps.agents.runs(tenant, { agent: agentType, before: placeOf(cursor), limit: limit + 1 });
      const pageRuns = runs.slice(0, limit);
      const last = pageRuns.at(-1);
      return { status: 200, body: { agentRuns: pageRuns.map(summaryView), cursor: runs.length > limit && last ? `${last.at}.${last.id}` : null } };
    },
  }),
  route("GET /v1/agent-runs/:id", {
    name: "getAgentRun",
    summary: "One run: each step, tool call, cost and decision, and the pending proposal",
    scope: "read",
    query: revealQuery,
    answers: { 200: runShape },
    handle: async ({ deps, tenant, params, query, caller }) => {
      const id = await ownRun(deps, tenant, params);
      const run = await deps.agents.run(tenant, id);
      if (!run) return { status: 200, body: await unbegun(deps, tenant, id) };
      return { status: 200, body: runView(deps.agents.agents(), run, await isRevealed({ deps, tenant, caller, query }, id)) };
    },
  }),
  route("POST /v1/agent-runs/:id/approve", {
    name: "approveAgentRun",
    summary: "Approve the pending proposal, unchanged or edited; its run continues",
    scope: "operate",
    body: { schema: approval, limit: 64 * 1024, optional: true },
    answers: { 200: runShape },
    problems: [409],
    handle: async ({ deps, tenant, params, body, caller }) => {
      const waiting = await waitingRun(deps, tenant, params, body.id);
      const edited = body.proposal === undefined ? {} : { body: editedFrom(deps, waiting, body.proposal) };
      return decideProposal(deps, tenant, waiting, caller, { state: "approved", ...edited });
    },
  }),
  route("POST /v1/agent-runs/:id/reject", {
    name: "rejectAgentRun",
    summary: "Reject the pending proposal; its run ends without it",
    scope: "operate",
    body: { schema: rejection, limit: smallBody, optional: true },
    answers: { 200: runShape },
    problems: [409],
    handle: async ({ deps, tenant, params, body, caller }) => {
      const waiting = await waitingRun(deps, tenant, params, body.id);
      return decideProposal(deps, tenant, waiting, caller, { state: "rejected", reason: body.reason });
    },
  }),
];

const runNoun = "run of an agent";

type Params = Readonly<Record<string, string>>;

function agentIn(deps: Pick<IntakeDeps, "agents">, params: Params): Agent {
  const all = deps.agents.agents();
  const agent = agentNamed(all, param({ params }, "type"));
  if (!agent) throw new Problem("not-found", `There is no such agent; there are ${all.map(({ type }) => type).join(", ")}.`);
  return agent;
}

/** Changes the agent of the path, writes the audit, and answers with the changed agent. */
async function changedAgent(
  deps: Pick<IntakeDeps, "agents" | "audit" | "now">,
  { tenant, params, caller }: { tenant: string; params: Params; caller: Caller },
  action: "stop" | "start" | "budget",
  change: (agent: Agent) => Promise<unknown>,
  detail?: string,
) {
  const agent = agentIn(deps, params);
  await change(agent);
  await audit({ deps, tenant, caller }, action, agent.type, detail);
  return { status: 200, body: agentView(agent, (await deps.agents.settings(tenant)).byAgent.get(agent.type), deps.now()) };
}

/** The id in the path. A forged id and another tenant's get the same 404. */
async function ownRun(deps: Pick<IntakeDeps, "ids">, tenant: string, params: Params): Promise<string> {
  const id = param({ params }, "id");
  if (await deps.ids.belongs(tenant, id)) return id;
  throw notFound(runNoun);
}

interface Waiting {
  id: string;
  proposal: Proposal;
  steps: readonly AgentStep[];
}

/** The pending proposal of a run. `seen`: the proposal that the caller means. */
async function waitingRun(deps: Pick<IntakeDeps, "agents" | "ids" | "queries">, tenant: string, params: Params, seen: string | undefined): Promise<Waiting> {
  const id = await ownRun(deps, tenant, params);
  const run = await deps.agents.run(tenant, id);
  if (!run) await unbegun(deps, tenant, id);
  const proposal = run?.proposal;
  if (!run || !proposal) throw new Problem("conflict", "The run has no proposal yet.");
  if (isTerminal(run.state)) throw new Problem("conflict", `The run has ended: it is ${run.state}.`);
  if (proposal.state !== "pending") throw new Problem("conflict", `The proposal is ${proposal.state} already.`);
  if (seen !== undefined && seen !== proposalId(proposal)) throw new Problem("conflict", `Another proposal is pending now: ${proposalId(proposal)}.`);
  return { id, proposal, steps: run.steps.filter(({ revision }) => revision === proposal.revision) };
}

/** A person's changes are validated by the schema of the model's arguments, and may name only what the run was given. */
function editedFrom(deps: Pick<IntakeDeps, "agents">, { proposal: { agent, tool: name }, steps }: Waiting, given: unknown): unknown {
  const declared = agentNamed(deps.agents.agents(), agent);
  const tool = declared && toolOf(declared, name);
  if (!tool) throw new Problem("conflict", "The proposal is for a tool that no longer exists.");
  const { proposal: edited } = validate(v.strictObject({ proposal: tool.input }), { proposal: given }, "The edited proposal");
  const known = knownIds(steps);
  const unknown = tool.ids(edited).filter((id) => !known.has(id));
  if (unknown.length === 0) return edited;
  const message = `names what the run was not given: ${unknown.slice(0, maxNamed).join(", ")}`;
  throw new Problem("invalid", `The edited proposal is wrong: ${message}.`, { errors: [{ path: "proposal", message }] });
}

/** Ids listed in one message. */
const maxNamed = 5;

type Decided = Pick<ProposalDecision, "state" | "body" | "reason">;

async function decideProposal(deps: Pick<IntakeDeps, "agents">, tenant: string, { id, proposal }: Waiting, caller: Caller, decision: Decided) {
  if (!(await deps.agents.decide(tenant, id, { ...decision, at: proposal, by: actorOf(caller) })))
    throw new Problem("conflict", "The proposal was decided by another call, its time is over, or its run has ended.");
  return { status: 200, body: runView(deps.agents.agents(), found(await deps.agents.run(tenant, id), runNoun), false) };
}

/** The view of an agent's job whose run has not begun. Throws `not-found` for any other job. */
async function unbegun(deps: Pick<IntakeDeps, "queries">, tenant: string, id: string) {
  const job = await deps.queries.job(tenant, id);
  if (job?.type !== agentContract.type) throw notFound(runNoun);
  const { agentType = "", dryRun = false } = (JSON.parse(job.payload ?? "{}") ?? {}) as { agentType?: string; dryRun?: boolean };
  return unbegunView(id, { agentType, dryRun: dryRun || job.dryRun }, { state: job.state, at: iso(job.at) });
}

/** `{at}.{id}`; without a cursor it begins with the newest. */
function placeOf(cursor: string | undefined): [number, string] {
  const [at, id] = (cursor ?? "").split(".");
  return id === undefined ? [Number.MAX_SAFE_INTEGER, "~"] : [Number(at), id];
}
