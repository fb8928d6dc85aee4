import type { Gates, Jobs, Pauses, Queue, Queues, Stats } from "../answers";
import { ApiProblem } from "../api";
import { JobTable } from "../jobs/table";
import { Chart } from "../now/chart";
import { page, type Visit } from "../page";
import { Fact } from "../parts/fact";
import { duration, number } from "../parts/format";
import { State } from "../parts/state";
import { Empty, Section } from "../parts/table";
import { Time } from "../parts/time";
import { GateTable } from "./gates";
import { heldText } from "./held-by";
import { Hold } from "./hold";
import { withLift } from "./lift";
import { PauseTable } from "./pauses";
import { WhyText } from "../parts/why-row";
import { hourMs } from "../../time/day";

interface Model {
  queue: Queue;
  pauses: Pauses["pauses"];
  /** Gates at which its jobs wait; on the page of all tenants only open circuits. */
  gates: Gates["gates"];
  /** Statistics of its types in the last hour. */
  stats: Stats;
  /** The newest jobs of the queue; only on a tenant's page. */
  jobs: Jobs["jobs"];
}

/** One queue: its counts, what holds it, and its newest jobs. */
export const queuePage = page<Model>({
  path: "/flow/:queue",
  section: "Flow",
  tenants: "any",
  title: ({ queue }) => queue.queue,
  query: queryQueue,
  pace: ({ queue }) => (queue.running > 0 ? "quick" : "calm"),
  view: ({ queue, pauses, gates, stats, jobs }, visit) => (
    <>
      <div class="head">
        <h1>
          {queue.queue} <State is={queue.health} />
        </h1>
        <Hold visit={visit} scope="queue" name={queue.queue} pauses={pauses} perMinute={queue.donePerMinute} />
      </div>
      {queue.why === null ? null : (
        <div class="why">
          <WhyText visit={visit} why={withLift(visit, queue.why, pauses)} tenant={queue.why.tenant} place="why" />
        </div>
      )}
      <Section title="Its jobs">
        <QueueFacts visit={visit} queue={queue} />
      </Section>
      {pauses.length === 0 ? null : (
        <Section title="Pauses">
          <PauseTable visit={visit} pauses={pauses} />
        </Section>
      )}
      {gates.length === 0 ? null : (
        <Section title="Gates at which its jobs wait">
          <GateTable visit={visit} gates={gates} />
        </Section>
      )}
      <Section title="Ended jobs of its types, last hour">
        <Chart visit={visit} stats={stats} />
      </Section>
      {visit.tenant === "*" ? null : (
        <Section title="Newest jobs" aside={<a href={`${visit.base}/jobs?queue=${encodeURIComponent(queue.queue)}`}>All of them</a>}>
          {jobs.length === 0 ? <Empty>No job of this queue is recorded.</Empty> : <JobTable visit={visit} jobs={jobs} />}
        </Section>
      )}
    </>
  ),
});

async function queryQueue({ api, tenant, params, now }: Visit): Promise<Model> {
  const name = params["queue"] ?? "";
  const from = new Date(now - hourMs + 1).toISOString();
  const isOne = tenant !== "*";
  const [{ queues }, { pauses }, stats, { gates }, list] = await Promise.all([
    api.get<Queues>("/v1/queues"),
    api.get<Pauses>("/v1/pauses"),
    api.get<Stats>("/v1/stats", { from }),
    api.get<Gates>("/v1/gates", { limit: "200" }),
    isOne ? api.get<Jobs>("/v1/jobs", { queue: name, limit: "20" }) : undefined,
  ]);
  const queue = queues.find((each) => each.queue === name);
  if (!queue) throw new ApiProblem(404, `There is no queue ${name}.`);
  return {
    queue,
    pauses: pauses.filter((pause) => concerns(pause, queue, tenant)),
    gates: gates.filter(({ dependency }) => queue.heldBy.some(({ cause }) => cause === dependency || cause.startsWith(`${dependency}: `))),
    stats: { ...stats, minutes: stats.minutes.filter(({ type }) => queue.types.includes(type)) },
    jobs: list?.jobs ?? [],
  };
}

/** The pauses of all tenants that hold jobs of the queue. */
function concerns({ scope, name }: Pauses["pauses"][number], { queue, types, heldBy }: Queue, tenant: string): boolean {
  if (scope === "tenant") return tenant !== "*" || heldBy.some(({ cause }) => cause === `pause/tenant/${name}`);
  return scope === "queue" ? name === queue : types.includes(name);
}

const states = [
  ["Running", "running", "running"],
  ["Ready", "ready", "queued"],
  ["Held", "held", "waiting"],
  ["Retrying", "retrying", "retrying"],
  ["Scheduled", "scheduled", "scheduled"],
] as const;

/** The jobs of the queue by state, each a link to the list, and the rate. The list of queued jobs includes scheduled ones, so `ready` has no link while there are some. */
function QueueFacts({ visit, queue }: { visit: Visit; queue: Queue }) {
  return (
    <dl class="facts">
      {states.map(([label, count, state]) => (
        <Fact
          key={label}
          name={label}
          value={
            <>
              {visit.tenant === "*" || queue[count] === 0 || (count === "ready" && queue.scheduled > 0) ? (
                number(queue[count])
              ) : (
                <a href={`${visit.base}/jobs?${new URLSearchParams({ queue: queue.queue, state })}`}>{number(queue[count])}</a>
              )}
              {count === "held" && queue.paced > 0 ? <span class="dim"> ({number(queue.paced)} by the plan of a campaign)</span> : null}
              {count === "held" && queue.parked > 0 ? <span class="dim"> ({number(queue.parked)} without a message)</span> : null}
            </>
          }
        />
      ))}
      <Fact name="Oldest ready" value={<Time at={queue.oldestReadyAt} none="none is ready" />} />
      <Fact name="Done" value={`${number(queue.donePerMinute)} a minute`} />
      <Fact name="Failed attempts" value={`${number(queue.failedPerMinute)} a minute`} />
      <Fact name="Wait, 95 of 100 jobs" value={queue.waitP95Ms === null ? "none started lately" : `up to ${duration(queue.waitP95Ms)}`} />
      {queue.backlog === null ? null : <Fact name="Messages of all tenants" value={number(queue.backlog)} />}
      {queue.heldBy.length === 0 ? null : (
        <Fact name="Held" value={queue.heldBy.map(({ cause, count }) => `${number(count)} ${heldText(cause, queue.why)}`).join("; ")} />
      )}
      <Fact name="Types" value={queue.types.length === 0 ? "none of its own" : queue.types.join(", ")} />
    </dl>
  );
}
