import { isoOrNull } from "../../time/iso";
import type { Types, Workers } from "../answers";
import { page, type Visit } from "../page";
import { Act } from "../parts/act";
import { domId, number } from "../parts/format";
import { State } from "../parts/state";
import { Section, Table } from "../parts/table";
import { Time } from "../parts/time";
import { workerActions } from "./actions";

interface Model {
  workers: Workers;
  remote: string[];
}

/** Remote workers: the types that they pull, the time of their last pull, the jobs that they hold. */
export const workersPage = page<Model>({
  path: "/workers",
  section: "Workers",
  tenants: "any",
  title: () => "Workers",
  query: async ({ api }) => {
    const [workers, { types }] = await Promise.all([api.get<Workers>("/v1/workers"), api.get<Types>("/v1/types")]);
    return { workers, remote: types.filter((type) => "remote" in type && type.remote).map(({ type }) => type) };
  },
  view: ({ workers, remote }, visit) => (
    <>
      <h1>Workers</h1>
      <Table
        label="Workers"
        rows={workers}
        id={({ worker }) => domId("worker", worker)}
        empty="No worker has asked for jobs. Its token has the scope work; docs/remote-workers.md shows how to write one."
        columns={[
          ["Worker", ({ worker }) => worker, "mono name"],
          ["State", ({ state }) => <State is={states[state]} word={words[state]} />],
          ["-Types", ({ types }) => types.join(", "), "words"],
          ["#-In hand", ({ leases }) => number(leases)],
          ["Last asked", ({ lastPoll }) => <Time at={isoOrNull(lastPoll)} none="never" />],
          ["-Last heartbeat", ({ lastBeat }) => <Time at={isoOrNull(lastBeat)} none="never" />],
          ["", (worker) => <WorkerActs visit={visit} worker={worker} />],
        ]}
      />
      {remote.length === 0 ? null : (
        <Section title="Types that workers take">
          <p>
            {remote.map((type) => (
              <span key={type}>
                {visit.tenant === "*" ? type : <a href={`${visit.base}/jobs?type=${encodeURIComponent(type)}`}>{type}</a>}{" "}
                {workers.some(({ types, state }) => types.includes(type) && state !== "ended") ? null : <span class="dim">(no worker asks for it)</span>}{" "}
              </span>
            ))}
          </p>
        </Section>
      )}
    </>
  ),
});

function WorkerActs({ visit, worker: { worker, state } }: { visit: Visit; worker: Workers[number] }) {
  return (
    <>
      {state === "quiet" || state === "stop" ? <Act visit={visit} action={workerActions.run} fields={{ worker }} /> : null}{" "}
      {state === "run" ? <Act visit={visit} action={workerActions.quiet} fields={{ worker }} /> : null}{" "}
      {state === "run" || state === "quiet" ? (
        <Act visit={visit} action={workerActions.stop} fields={{ worker }}>
          <p>The worker ends after the jobs that it holds; other workers may take the rest.</p>
        </Act>
      ) : null}
    </>
  );
}

const states = { run: "running", quiet: "paused", stop: "stopped", ended: "idle" };
const words = { run: "takes jobs", quiet: "takes nothing new", stop: "is to stop", ended: "ended" };
