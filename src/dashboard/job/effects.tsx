import type { JobDetail } from "../answers";
import type { Visit } from "../page";
import { Act } from "../parts/act";
import { Json } from "../parts/json";
import { State } from "../parts/state";
import { Empty, Section } from "../parts/table";
import { Time } from "../parts/time";
import { jobActions } from "./actions";

/** The job's effects. A person settles an uncertain one after a look at the provider. */
export function Effects({ visit, job }: { visit: Visit; job: JobDetail }) {
  const inDoubt = (state: string) => state === "uncertain" || state === "intent";
  return (
    <Section title="Effects">
      {job.effects.length === 0 ? (
        <Empty>The job has made no effect outside.</Empty>
      ) : (
        <>
          <p class="dim">
            ran {job.runs}×, {madeOf(job)}
          </p>
          <ul class="effects">
            {job.effects.map((effect, index) => (
              <li key={`${effect.key}-${effect.revision}`}>
                <State is={effect.state} /> <code>{effect.key}</code> <Time at={effect.at} />
                {inDoubt(effect.state) ? <Doubt visit={visit} id={job.id} effectKey={effect.key} place={index} /> : null}
                {effect.result === undefined ? null : <Json id={`effect-${index}`} value={effect.result} />}
              </li>
            ))}
          </ul>
        </>
      )}
    </Section>
  );
}

/** Summary such as `sent once`: whether a customer got something twice. */
function madeOf({ effects }: JobDetail): string {
  const made = effects.filter(({ state }) => state === "done");
  if (made.length === 1 && made[0]?.key === "send") return "sent once";
  if (made.length === 0) return "no effect known to be made";
  return made.length === 1 ? "one effect made" : `${made.length} effects made`;
}

function Doubt({ visit, id, effectKey, place }: { visit: Visit; id: string; effectKey: string; place: number }) {
  const question = <p>Whether this happened is not known: the answer was lost. Look at the provider first: the job continues by what you record here.</p>;
  return (
    <>
      {" "}
      <Act visit={visit} action={jobActions.resolveUncertainEffect} label="It happened" fields={{ id, key: effectKey, state: "done" }} id={`done-${place}`}>
        {question}
      </Act>{" "}
      <Act
        visit={visit}
        action={jobActions.resolveUncertainEffect}
        label="It did not happen"
        fields={{ id, key: effectKey, state: "failed" }}
        id={`failed-${place}`}
      >
        {question}
      </Act>
    </>
  );
}
