import type { Pauses, Queue } from "../answers";
import type { Visit } from "../page";
import { domId, duration } from "../parts/format";
import { State } from "../parts/state";
import { type Column, Count, Table } from "../parts/table";
import { Time } from "../parts/time";
import { heldText, topHeldText } from "./held-by";
import { Hold } from "./hold";
import { withLift } from "./lift";
import { WhyRow } from "../parts/why-row";

interface QueueTableProps {
  visit: Visit;
  queues: readonly Queue[];
  /** Set where queues can be paused and resumed; a row of its own then shows why a queue's jobs wait. */
  pauses?: Pauses["pauses"];
}

/** The queues with their jobs by state, and what holds them. */
export function QueueTable({ visit, queues, pauses }: QueueTableProps) {
  const acts = pauses !== undefined;
  const columns: Column<Queue>[] = [
    [
      "Queue",
      ({ queue, types }) => (
        <a href={queueAddress(visit, queue)} title={types.join(", ")}>
          {queue}
        </a>
      ),
      "name",
    ],
    [
      "Health",
      (queue) => <Health queue={queue} acts={acts} />,
      "",
      ({ heldBy, why }) => heldBy.map(({ cause, count }) => `${count} ${heldText(cause, why)}`).join("; "),
    ],
    ["#Running", ({ running }) => <Count value={running} />],
    // On a phone the counts beside the control do not fit.
    [acts ? "#-Ready" : "#Ready", ({ ready }) => <Count value={ready} />],
    ["#Held", ({ held }) => <Count value={held} />],
    ["#-Retrying", ({ retrying }) => <Count value={retrying} />],
    ["#-Scheduled", ({ scheduled }) => <Count value={scheduled} />],
    ["-Oldest ready", ({ oldestReadyAt }) => <Time at={oldestReadyAt} />],
    ["#-Done/min", ({ donePerMinute }) => <Count value={donePerMinute} />],
    ["#-Failed/min", ({ failedPerMinute }) => <Count value={failedPerMinute} />],
    ["#-Wait p95", ({ waitP95Ms }) => (waitP95Ms === null ? "" : duration(waitP95Ms))],
  ];
  if (pauses) columns.push(["", ({ queue, donePerMinute }) => <Hold visit={visit} scope="queue" name={queue} pauses={pauses} perMinute={donePerMinute} />]);
  return (
    <Table
      label="Queues"
      rows={queues}
      id={({ queue }) => domId("queue", queue)}
      columns={columns}
      below={({ queue, why }) =>
        acts && why ? (
          <WhyRow
            visit={visit}
            id={domId("queue", queue, "why")}
            columns={columns.length}
            why={withoutResume(withLift(visit, why, pauses), queue)}
            tenant={why.tenant}
          />
        ) : null
      }
    />
  );
}

function Health({ queue, acts }: { queue: Queue; acts: boolean }) {
  const isHeld = !acts && queue.heldBy.length > 0 && queue.health !== "paused";
  return (
    <>
      <State is={queue.health} /> {isHeld ? <span class="dim cause">{topHeldText(queue)}</span> : null}
    </>
  );
}

export function queueAddress({ base }: Pick<Visit, "base">, queue: string): string {
  return `${base}/flow/${encodeURIComponent(queue)}`;
}

/** Leaves out the remedy that the queue's row has as a control. */
function withoutResume(why: NonNullable<Queue["why"]>, queue: string) {
  return { ...why, actions: why.actions.filter(({ path }) => path !== `/v1/queues/${queue}/resume`) };
}
