import { plural } from "../../decimal";
import { tickColumn, TickedActs } from "../bulk/view";
import type { Visit } from "../page";
import { Act } from "../parts/act";
import { tailOf } from "../parts/format";
import { State } from "../parts/state";
import { Table } from "../parts/table";
import { Sentence, Time } from "../parts/time";
import { failureActions } from "./actions";
import type { GroupModel } from "./query";

/** A replay of these would change nothing: each ends as it did until its effect is settled. */
export function isAllInDoubt({ dead, inDoubt }: GroupModel["group"]): boolean {
  return inDoubt > 0 && inDoubt >= dead;
}

/** The dead letters of a group, with the actions for the ticked ones. */
export function Letters({ visit, letters, group }: { visit: Visit; letters: GroupModel["letters"]; group: GroupModel["group"] }) {
  return (
    <>
      {group.inDoubt > 0 ? (
        <p>
          Of {plural(group.inDoubt, "job")} it is not known whether the effect happened: the answer was lost. Look at the provider, tick them and record what
          you found; a replay before ends each as it did.
        </p>
      ) : null}
      <TickedActs visit={visit} verbs={isAllInDoubt(group) ? ["dismiss"] : ["replay", "dismiss"]} form="ticked">
        {group.inDoubt > 0 ? <Settle visit={visit} /> : null}
      </TickedActs>
      <Table
        label="Jobs"
        rows={letters}
        id={({ id }) => `letter-${id}`}
        stream
        columns={[
          ...tickColumn(visit, "ticked"),
          ["State", ({ state }) => <State is={state} />],
          [
            "Job",
            ({ id }) => (
              <a class="mono" href={`${visit.base}/jobs/${id}`}>
                {tailOf(id)}
              </a>
            ),
          ],
          ["-Site", ({ siteId }) => siteId],
          ["Why", ({ reason }) => <Sentence text={reason} />, "text", ({ reason }) => reason],
          ["#-Attempt", ({ attempt }) => attempt],
          ["-Died", ({ diedAt }) => <Time at={diedAt} />],
          ["-", ({ id }) => <Dismiss visit={visit} id={id} />],
        ]}
      />
    </>
  );
}

function Dismiss({ visit, id }: { visit: Visit; id: string }) {
  return (
    <Act visit={visit} action={failureActions.dismiss} fields={{ id }}>
      <p>The job leaves this list, and a replay by filter leaves it out.</p>
    </Act>
  );
}

/** Buttons of the form of ticked rows that record what a person found at the provider. */
function Settle({ visit }: { visit: Visit }) {
  const back = `${visit.url.pathname}${visit.url.search}`;
  return (
    <>
      {[failureActions.happened, failureActions.didNotHappen].map(({ name, label }) => (
        <button key={name} name="back" value={back} formmethod="post" formaction={`${visit.base}/do/${name}`}>
          {label}
        </button>
      ))}{" "}
    </>
  );
}
