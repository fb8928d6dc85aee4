import type { Destination, Subscription } from "../answers";
import { domId } from "../parts/format";
import { State } from "../parts/state";
import { Section, Table } from "../parts/table";
import { Time } from "../parts/time";

export interface Receiver extends Pick<Destination, "name" | "host" | "events" | "retired" | "retiredAt"> {
  kind: "destination" | "subscription";
  enabled: boolean;
}

/** Those that a tenant has set up or changed: a built-in destination is left out while it is on. */
export function receiversOf(destinations: readonly Destination[], subscriptions: readonly Subscription[]): Receiver[] {
  const own = destinations.filter(({ builtIn, enabled, retired }) => !builtIn || !enabled || retired !== null);
  return [
    ...own.map((each) => ({ ...each, kind: "destination" as const })),
    ...subscriptions.map((each) => ({ ...each, kind: "subscription" as const, enabled: true })),
  ];
}

/** Who gets events, and which receivers get none any more. */
export function Receivers({ receivers }: { receivers: readonly Receiver[] }) {
  return (
    <Section title="Receivers of events">
      <Table
        label="Receivers of events"
        rows={receivers}
        id={({ kind, name }) => domId(kind, name)}
        columns={[
          ["Name", ({ kind, name }) => [name, " ", <span class="dim">{kind}</span>]],
          ["State", (receiver) => <ReceiverState receiver={receiver} />],
          ["-Host", ({ host }) => host ?? "built in"],
          ["-Events", ({ events }) => events.join(", "), "text", ({ events }) => events.join(", ")],
          ["Why", ({ retired }) => (retired === null ? "" : `${retired}; it is on again once it is set anew`), "words"],
        ]}
        empty={["None of its own. ", <code>PUT /v1/destinations/NAME</code>, " and ", <code>PUT /v1/subscriptions/NAME</code>, " make one."]}
      />
    </Section>
  );
}

function ReceiverState({ receiver: { enabled, retired, retiredAt } }: { receiver: Receiver }) {
  if (!enabled) return <State is="cancelled" word="off" />;
  if (retired === null) return <State is="ok" word="on" />;
  return (
    <>
      <State is="stopped" word="accepts no more" /> {retiredAt === null ? null : <Time at={retiredAt} />}
    </>
  );
}
