import type { Types, Workers } from "../answers";
import { page } from "../page";
import { Act } from "../parts/act";
import { domId, number } from "../parts/format";
import { State } from "../parts/state";
import { Empty, Section, Table } from "../parts/table";
import { Time } from "../parts/time";
import { workerActions } from "./actions";

interface Model {
  workers: Workers;
  /** Remote job types. */
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
      {workers.length === 0 ? (
        <Empty>No worker has asked for jobs. Its token has the scope work; docs/remote-workers.md shows how to write one.</Empty>
      ) : (
        <Table label="Workers" columns={["Worker", "State", "-Types", "#-In hand", "Last asked", "-Last heartbeat", ""]}>
          {workers.map(({ worker, types, leases, state, lastPoll, lastBeat }) => (
            <tr key={worker} id={domId("worker", worker)}>
              <td class="mono name">{worker}</td>
              <td>
                <State is={states[state]} word={words[state]} />
              </td>
              <td class="wide words">{types.join(", ")}</td>
              <td class="num wide">{number(leases)}</td>
              <td>
                <Time at={isoOf(lastPoll)} none="never" />
              </td>
              <td class="wide">
                <Time at={isoOf(lastBeat)} none="never" />
              </td>
              <td class="actions">
                {state === "quiet" || state === "stop" ? <Act visit={visit} action={workerActions.run} fields={{ worker }} /> : null}{" "}
                {state === "run" ? <Act visit={visit} action={workerActions.quiet} fields={{ worker }} /> : null}{" "}
                {state === "run" || state === "quiet" ? (
                  <Act visit={visit} action={workerActions.stop} fields={{ worker }}>
                    <p>The worker ends after the jobs that it holds; other workers may take the rest.</p>
                  </Act>
                ) : null}
              </td>
            </tr>
          ))}
        </Table>
      )}
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

const states = { run: "running", quiet: "paused", stop: "stopped", ended: "idle" };
const words = { run: "takes jobs", quiet: "takes nothing new", stop: "is to stop", ended: "ended" };

function isoOf(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
