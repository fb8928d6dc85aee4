import type { BulkAction } from "../answers";
import { page, type Visit } from "../page";
import { Act } from "../parts/act";
import { Fact } from "../parts/fact";
import { number, plural } from "../parts/format";
import { ProgressBar } from "../parts/progress";
import { State } from "../parts/state";
import { Section, Table } from "../parts/table";
import { Time } from "../parts/time";
import { bulkActions } from "./actions";
import { PlanOf } from "./plan";
import { type AcceptedPlan, type PlanModel, queryBulk, queryPlan } from "./query";
import { Refused } from "./refused";
import { type BulkVerb, bulkVerbs, selectionText, verbText } from "./selection";

/** The page of a plan, from which the action is started. */
export const planPage = page<PlanModel>({
  path: "/bulk",
  section: "Jobs",
  tenants: "one",
  title: (model) => verbText(model.verb, "issue" in model ? "jobs" : plural(model.plan.total, "job")),
  query: queryPlan,
  // The form has an idempotency key; a refresh would replace it.
  pace: () => "never",
  view: (model, visit) => ("issue" in model ? <Refused visit={visit} refused={model} /> : <Planned visit={visit} model={model} />),
});

function Planned({ visit, model }: { visit: Visit; model: AcceptedPlan }) {
  return (
    <div class="reading">
      <h1>{verbText(model.verb, `${plural(model.plan.total, "job")}${model.plan.more ? " and more" : ""}`)}?</h1>
      <p>{"ids" in model.selection ? "Those that were ticked." : <Filter filter={model.selection.filter} />}</p>
      <ByType byType={model.plan.byType} />
      {model.verb === "replay" ? <PlanOf plan={model.plan} /> : <p>{effects[model.verb]}</p>}
      {model.plan.total === 0 ? <p>{model.unknown ?? nothingToDo(model)}</p> : <Begin visit={visit} model={model} />}
    </div>
  );
}

function nothingToDo({ verb, selection }: AcceptedPlan): string {
  if (verb === "run-now")
    return "None of them goes on by being run now: they run, have ended, or a pause, an open circuit or a paused site holds them, which is lifted first.";
  return "ids" in selection ? "None of them can be: they have changed meanwhile." : "No job that this can be done to fits the filter.";
}

const effects = {
  "run-now":
    "Retrying, delayed and waiting ones go on at once, as far as their queue and its limits let them. Those that a pause, an open circuit or a paused site holds are left out. It can be stopped on the way.",
  cancel: "Jobs that wait end at once, running ones within seconds. What they have done outside is not taken back. It can be stopped on the way.",
  dismiss: "They are taken off the list of failures and not replayed with others; each job stays readable.",
};

function Filter({ filter }: { filter: Readonly<Record<string, string>> }) {
  return (
    <>
      All that match:{" "}
      {Object.entries(filter).map(([name, value]) => (
        <code key={name}>
          {name}:{value}{" "}
        </code>
      ))}
    </>
  );
}

function ByType({ byType }: { byType: Readonly<Record<string, number>> }) {
  return (
    <dl class="facts">
      {Object.entries(byType).map(([type, count]) => (
        <Fact key={type} name={type} value={number(count)} />
      ))}
    </dl>
  );
}

function Begin({ visit, model: { verb, plan, selection } }: { visit: Visit; model: AcceptedPlan }) {
  const action = bulkActions[verb];
  return (
    <form method="post" action={`${visit.base}/do/${action.name}`} class="begin">
      <input type="hidden" name="selection" value={selectionText(selection)} />
      <input type="hidden" name="back" value={`${visit.url.pathname}${visit.url.search}`} />
      <input type="hidden" name="once" value={String(visit.now)} />
      {verb === "replay" ? <Pace /> : null}
      {verb === "replay" && visit.may("admin") ? <PatchField visit={visit} /> : null}
      <button class={action.harms ? "harms" : "main"}>{verbText(verb, number(plan.total))}</button>
    </form>
  );
}

function Pace() {
  return (
    <>
      <label>
        Jobs that go first
        <input name="canary" type="number" min={0} max={500} value={5} inputMode="numeric" />
      </label>
      <label>
        Jobs a minute (blank: as fast as they can)
        <input name="ratePerMinute" type="number" min={1} max={100_000} inputMode="numeric" />
      </label>
    </>
  );
}

/** The patch that corrects payloads; the audit has the names of its fields. */
function PatchField({ visit }: { visit: Visit }) {
  return (
    <details id="patch-part">
      <summary>Correct the payloads</summary>
      <label for="patch">A JSON object that is merged into each payload; null takes a field away (RFC 7396). An effect that was made is made again.</label>
      <textarea id="patch" name="patch" maxLength={16_000} spellcheck={false} placeholder={'{"siteId": "main"}'} />
      <button formaction={`${visit.base}/do/${bulkActions.tryPatch.name}`}>{bulkActions.tryPatch.label}</button>
    </details>
  );
}

const doneWords = { cancel: "Cancelled", "run-now": "Brought forward", dismiss: "Dismissed" } as const;

/** The progress of an action on many jobs. */
export const bulkPage = page<BulkAction>({
  path: "/bulk/:id",
  section: "Jobs",
  tenants: "one",
  title: ({ action, state }) => `${verbText(action)}: ${state}`,
  query: queryBulk,
  pace: ({ state }) => (state === "running" ? "quick" : "calm"),
  view: (bulk, visit) => (
    <>
      <div class="head">
        <h1>
          {verbText(bulk.action, plural(bulk.total, "job"))} <State is={bulk.state} />
        </h1>
        {bulk.state === "running" ? (
          <Act visit={visit} action={bulkActions.abort} fields={{ id: bulk.id }}>
            <p>What is done stays done; the others are left as they are.</p>
          </Act>
        ) : null}
      </div>
      <p>
        <ProgressBar progress={{ done: bulk.done + bulk.failed, total: bulk.total, note: null }} noun="are dealt with" />
      </p>
      <dl class="facts">
        <Fact name={doneWords[bulk.action]} value={number(bulk.done)} />
        <Fact name="Had changed meanwhile" value={number(bulk.failed)} />
      </dl>
      <p class="dim">
        Begun <Time at={bulk.at} />
        {bulk.endedAt === null ? null : (
          <>
            , ended <Time at={bulk.endedAt} />
          </>
        )}
      </p>
    </>
  ),
});

/** The newest actions. */
export function BulkTable({ visit, actions }: { visit: Visit; actions: readonly BulkAction[] }) {
  if (actions.length === 0) return null;
  return (
    <Section title="Done to many jobs at once">
      <Table label="Bulk actions" columns={["State", "What", "Begun", "#Jobs", "#Done"]}>
        {actions.map(({ id, action, state, at, total, done }) => (
          <tr key={id} id={`bulk-${id}`}>
            <td>
              <State is={state} />
            </td>
            <td>
              <a href={`${visit.base}/bulk/${id}`}>{verbText(action)}</a>
            </td>
            <td>
              <Time at={at} />
            </td>
            <td class="num">{number(total)}</td>
            <td class="num">{number(done)}</td>
          </tr>
        ))}
      </Table>
    </Section>
  );
}

/** Buttons for the ticked rows of a list on this page. They are a form of their own, which works without the script. */
export function TickedActs({ visit, verbs: offered = bulkVerbs, form }: { visit: Visit; verbs?: readonly BulkVerb[]; form: string }) {
  if (!visit.may("operate")) return null;
  return (
    <form id={form} action={`${visit.base}/bulk`} class="ticked">
      <span class="dim">Ticked ones:</span>{" "}
      {offered.map((verb) => (
        <button key={verb} name="verb" value={verb}>
          {verbText(verb)}…
        </button>
      ))}
    </form>
  );
}

/** The checkbox of one row, for the form of this name. */
export function Tick({ visit, id, form }: { visit: Visit; id: string; form: string }) {
  if (!visit.may("operate")) return null;
  return (
    <td class="tick">
      <input type="checkbox" name="ids" value={id} form={form} aria-label={`Tick …${id.slice(-8)}`} />
    </td>
  );
}
