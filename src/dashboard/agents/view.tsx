import type { Agent, AgentRun, AgentRuns, AgentTotals } from "../answers";
import { page, type Visit } from "../page";
import { Act } from "../parts/act";
import { Field } from "../parts/field";
import { domId, number, usd } from "../parts/format";
import { Json } from "../parts/json";
import { State } from "../parts/state";
import { Empty, Older, Section, Table } from "../parts/table";
import { Sentence, Time } from "../parts/time";
import { agentActions } from "./actions";

interface Model extends AgentTotals, AgentRuns {
  agents: Agent[];
  /** The agent whose runs are listed. Default: all. */
  agentType: string | undefined;
}

export const agentsPage = page<Model>({
  path: "/agents",
  section: "Agents",
  tenants: "one",
  title: () => "Agents",
  query: async ({ api, url }) => {
    const query = { limit: "50", agentType: url.searchParams.get("agentType") ?? undefined, cursor: url.searchParams.get("cursor") ?? undefined };
    const [agents, runs] = await Promise.all([api.get<AgentTotals & { agents: Agent[] }>("/v1/agents"), api.get<AgentRuns>("/v1/agent-runs", query)]);
    return { ...agents, ...runs, agentType: query.agentType };
  },
  view: (model, visit) => (
    <>
      <h1>Agents</h1>
      <p class="dim">
        This month {usd(model.month.usd)} of {usd(model.budget.usdPerMonth)}, {number(model.month.calls)} calls of models.
      </p>
      <Table
        label="Agents"
        rows={model.agents}
        id={({ type }) => domId("agent", type)}
        columns={[
          ["Agent", ({ type }) => <a href={`${visit.base}/agents?agentType=${encodeURIComponent(type)}`}>{type}</a>],
          ["State", ({ stopped }) => <AgentState stopped={stopped} />],
          ["-What it does", ({ description }) => description, "words"],
          ["#This month", ({ month }) => usd(month.usd)],
          ["#-Budget", ({ budget }) => usd(budget.usdPerMonth)],
          ["", (agent) => <AgentAct visit={visit} agent={agent} />],
        ]}
      />
      <Section title="Runs">
        <Table
          label="Runs"
          rows={model.agentRuns}
          id={({ id }) => domId("run", id)}
          empty="No run yet."
          stream
          columns={[
            ["State", ({ state }) => <State is={state} />],
            ["Agent", (run) => [<a href={`${visit.base}/agents/${run.id}`}>{run.agentType}</a>, " ", run.dryRun ? <span class="dim">dry run</span> : null]],
            ["Why", (run) => <Sentence text={run.waitingFor ?? run.error ?? ""} />, "text"],
            ["#-Cost", (run) => usd(run.usd)],
            ["Begun", ({ at }) => <Time at={at} />],
          ]}
        />
        <Older cursor={model.cursor} path={`${visit.base}/agents`} query={{ agentType: model.agentType }} />
      </Section>
    </>
  ),
});

function AgentState({ stopped }: Pick<Agent, "stopped">) {
  if (stopped === null) return <State is="ok" word="on" />;
  return (
    <>
      <State is="stopped" />{" "}
      <span class="dim">
        <Time at={stopped.at} /> by {stopped.byName ?? stopped.by}
      </span>
    </>
  );
}

function AgentAct({ visit, agent: { type, stopped } }: { visit: Visit; agent: Agent }) {
  if (stopped !== null) return <Act visit={visit} action={agentActions.start} fields={{ type }} />;
  return (
    <Act visit={visit} action={agentActions.stop} fields={{ type }}>
      <p>The agent's runs wait before their next call until it is started again.</p>
    </Act>
  );
}

export const agentRunPage = page<AgentRun>({
  path: "/agents/:id",
  section: "Agents",
  tenants: "one",
  title: (run) => `${run.agentType}: ${run.state}`,
  query: ({ api, params }) => api.get<AgentRun>(`/v1/agent-runs/${encodeURIComponent(params["id"] ?? "")}`),
  pace: ({ state }) => (state === "running" ? "quick" : "calm"),
  view: (run, visit) => (
    <>
      <h1>
        {run.agentType} <State is={run.state} /> {run.dryRun ? <span class="dim">dry run</span> : null}
      </h1>
      {(run.waitingFor ?? run.error) ? (
        <p class="why">
          <Sentence text={run.waitingFor ?? run.error ?? ""} />
        </p>
      ) : null}
      <p class="dim">
        Begun <Time at={run.at} />, {usd(run.usd)}, {number(run.tokens)} tokens. <a href={`${visit.base}/jobs/${run.id}`}>Its job</a>
      </p>
      <Proposal visit={visit} run={run} />
      <Section title="Steps">
        {run.steps.length === 0 ? <Empty>The run has not begun.</Empty> : null}
        {run.steps.map((step, index) => (
          <details key={index} id={`step-${index}`}>
            <summary>
              {step.n} {step.kind} {step.tool ?? step.model ?? ""} <Time at={step.at} /> <span class="dim">{usd(step.usd)}</span>{" "}
              {step.error === undefined ? null : <span class="trouble">{step.error}</span>}
            </summary>
            {(["input", "output", "would"] as const).map((name) =>
              step[name] === undefined ? null : <Json key={name} id={`step-${index}-${name}`} value={step[name]} />,
            )}
          </details>
        ))}
      </Section>
    </>
  ),
});

/** A pending proposal, with the calls that an approval makes. */
function Proposal({ visit, run }: { visit: Visit; run: AgentRun }) {
  const { approval, proposal } = run;
  if (!approval) return null;
  const fields = { id: run.id, proposalId: approval.id };
  const buttons =
    approval.state === "pending" ? (
      <span class="remedies">
        <Act visit={visit} action={agentActions.approve} fields={fields}>
          <p>The agent does what it proposes below, by {approval.tool}.</p>
        </Act>
        <Act visit={visit} action={agentActions.reject} fields={fields}>
          <Field label="Reason" name="reason" maxLength={1000} autocomplete="off" />
        </Act>
      </span>
    ) : undefined;
  return (
    <Section title="Proposal" aside={buttons}>
      <p>
        <State is={approval.state} /> <span class="dim">by {approval.tool}, asked</span> <Time at={approval.askedAt} />
        {approval.state === "pending"
          ? [" ", <span class="dim">expires</span>, " ", <Time at={approval.expiresAt} />]
          : [" ", <span class="dim">decided by {approval.decidedByName ?? approval.decidedBy ?? "unknown"}</span>, " ", approval.reason]}
      </p>
      {/* A person approves what is read: nothing of it is folded. */}
      <Json id="proposal" value={proposal} open={Infinity} />
    </Section>
  );
}
