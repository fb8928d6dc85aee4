import type { Replays } from "../answers";
import { page } from "../page";
import { Empty } from "../parts/table";
import { queryReplays } from "./query";
import { ReplayTable } from "./table";

export const replaysPage = page<Replays>({
  path: "/replays",
  section: "Replays",
  tenants: "any",
  title: () => "Replays",
  query: queryReplays,
  pace: ({ replays }) => (replays.some(({ state }) => state === "running") ? "quick" : "calm"),
  view: ({ replays, cursor }, visit) => (
    <>
      <h1>Replays</h1>
      {replays.length > 0 ? (
        <ReplayTable visit={visit} replays={replays} acts />
      ) : (
        <Empty>
          {visit.url.searchParams.has("cursor") ? "There is no older replay." : "There is no replay."} One brings dead letters back: from{" "}
          <a href={`${visit.base}/failures`}>a group of failures</a>
          {visit.tenant === "*" ? "" : ", or from a list of jobs"}.
        </Empty>
      )}
      <p class="pager">
        {visit.url.searchParams.has("cursor") ? <a href={`${visit.base}/replays`}>Newest</a> : null}
        {cursor === null ? null : (
          <a rel="next" href={`${visit.base}/replays?cursor=${encodeURIComponent(cursor)}`}>
            Older
          </a>
        )}
      </p>
    </>
  ),
});
