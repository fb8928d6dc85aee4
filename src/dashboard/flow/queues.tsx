import type { Pauses, Queue } from "../answers";
import type { Visit } from "../page";
import { domId, duration, number } from "../parts/format";
import { State } from "../parts/state";
import { Table } from "../parts/table";
import { Time } from "../parts/time";
import { heldText, topHeldText } from "./held-by";
import { Hold } from "./hold";
import { withLift } from "./lift";
import { WhyRow } from "./why-row";

interface QueueTableProps {
  visit: Visit;
  queues: readonly Queue[];
  /** Set where queues can be paused and resumed; a row of its own then shows why a queue's jobs wait. */
  pauses?: Pauses["pauses"];
}

/** The queues with their jobs by state, and what holds them. */
export function QueueTable({ visit, queues, pauses }: QueueTableProps) {
  const acts = pauses !== undefined;
  // On a phone the counts beside the control do not fit.
  const columns = [
    "Queue",
    "Health",
    "#Running",
    acts ? "#-Ready" : "#Ready",
    "#Held",
    "#-Retrying",
    "#-Scheduled",
    "-Oldest ready",
    "#-Done/min",
    "#-Failed/min",
    "#-Wait p95",
  ];
  return (
    <Table label="Queues" columns={acts ? [...columns, ""] : columns}>
      {queues.map((queue) => [
        <tr key={queue.queue} id={domId("queue", queue.queue)}>
          <td class="name">
            <a href={queueAddress(visit, queue.queue)} title={queue.types.join(", ")}>
              {queue.queue}
            </a>
          </td>
          <td title={queue.heldBy.map(({ cause, count }) => `${count} ${heldText(cause, queue.why)}`).join("; ")}>
            <State is={queue.health} />{" "}
            {!acts && queue.heldBy.length > 0 && queue.health !== "paused" ? <span class="dim cause">{topHeldText(queue)}</span> : null}
          </td>
          <Count value={queue.running} />
          <Count value={queue.ready} wide={acts} />
          <Count value={queue.held} />
          <Count value={queue.retrying} wide />
          <Count value={queue.scheduled} wide />
          <td class="wide">
            <Time at={queue.oldestReadyAt} />
          </td>
          <Count value={queue.donePerMinute} wide />
          <Count value={queue.failedPerMinute} wide />
          <td class="num wide">{queue.waitP95Ms === null ? "" : duration(queue.waitP95Ms)}</td>
          {pauses === undefined ? null : (
            <td class="actions">
              <Hold visit={visit} scope="queue" name={queue.queue} pauses={pauses} perMinute={queue.donePerMinute} />
            </td>
          )}
        </tr>,
        acts && queue.why ? (
          <WhyRow
            key={`${queue.queue} why`}
            visit={visit}
            id={domId("queue", queue.queue, "why")}
            columns={columns.length + 1}
            why={withoutResume(withLift(visit, queue.why, pauses), queue.queue)}
            tenant={queue.why.tenant}
          />
        ) : null,
      ])}
    </Table>
  );
}

export function queueAddress({ base }: Pick<Visit, "base">, queue: string): string {
  return `${base}/flow/${encodeURIComponent(queue)}`;
}

/** Leaves out the remedy that the queue's row has as a control. */
function withoutResume(why: NonNullable<Queue["why"]>, queue: string) {
  return { ...why, actions: why.actions.filter(({ path }) => path !== `/v1/queues/${queue}/resume`) };
}

/** A number; zero is dimmed. */
function Count({ value, wide = false }: { value: number; wide?: boolean }) {
  return <td class={wide ? "num wide" : "num"}>{value === 0 ? <span class="dim">0</span> : number(value)}</td>;
}
