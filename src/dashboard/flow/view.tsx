import type { Pauses } from "../answers";
import { page, type Visit } from "../page";
import { domId } from "../parts/format";
import { State } from "../parts/state";
import { Empty, Section, Table } from "../parts/table";
import { GateTable } from "./gates";
import { Hold } from "./hold";
import { PauseTable } from "./pauses";
import { type FlowModel, queryFlow } from "./query";
import { QueueTable } from "./queues";

/** The page of queues, gates and pauses. */
export const flowPage = page<FlowModel>({
  path: "/flow",
  section: "Flow",
  tenants: "any",
  title: () => "Flow",
  query: queryFlow,
  view: ({ queues, gates, pauses, types }, visit) => (
    <>
      <h1 class="unseen">Flow</h1>
      <Section title="Pauses" aside={visit.tenant === "*" ? undefined : <WholeTenant visit={visit} pauses={pauses} />}>
        {pauses.length === 0 ? <Empty>Nothing is paused.</Empty> : <PauseTable visit={visit} pauses={pauses} />}
      </Section>
      <Section title="Queues">
        <QueueTable visit={visit} queues={queues} pauses={pauses} />
      </Section>
      <Section title={visit.tenant === "*" ? "Open circuits" : "Gates"}>
        {gates.length > 0 ? <GateTable visit={visit} gates={gates} /> : <Empty>{noGates(visit)}</Empty>}
      </Section>
      <Section title="Types">
        <Table
          label="Types"
          rows={types}
          id={({ type }) => domId("type", type)}
          columns={[
            ["Type", ({ type }) => (visit.tenant === "*" ? type : <a href={`${visit.base}/jobs?type=${encodeURIComponent(type)}`}>{type}</a>)],
            ["State", ({ paused }) => (paused ? <State is="paused" /> : null)],
            ["-Queues", ({ queues: on }) => on.join(", ")],
            ["#-Attempts", ({ policy }) => policy.maxAttempts],
            ["#-Concurrency", ({ policy }) => policy.concurrency],
            ["", ({ type }) => <Hold visit={visit} scope="type" name={type} pauses={pauses} />],
          ]}
        />
      </Section>
    </>
  ),
});

function noGates({ tenant }: Visit): string {
  return tenant === "*" ? "No open circuit holds jobs of any tenant." : "There is no gate yet: one is made for each connection and shop.";
}

function WholeTenant({ visit, pauses }: { visit: Visit; pauses: Pauses["pauses"] }) {
  const isPaused = pauses.some(({ scope, name }) => scope === "tenant" && name === visit.tenant);
  return isPaused ? null : <Hold visit={visit} scope="tenant" name={visit.tenant} pauses={pauses} label="Pause the tenant" />;
}
