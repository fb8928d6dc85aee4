import { plural } from "../../decimal";
import type { ComponentChildren } from "preact";
import type { BulkAction } from "../answers";
import { page, type Visit } from "../page";
import { Act } from "../parts/act";
import { Fact } from "../parts/fact";
import { number } from "../parts/format";
import { ProgressBar } from "../parts/progress";
import { State } from "../parts/state";
import { type Column, Section, Table } from "../parts/table";
import { Time } from "../parts/time";
import { bulkActions } from "./actions";
import { PlanOf } from "./plan";
import { type AcceptedPlan, type PlanModel, queryBulk, queryPlan } from "./query";
import { Refused, refusedTitle } from "./refused";
import { type BulkVerb, bulkVerbs, selectionText, verbText } from "./selection";
import { Field } from "../parts/field";

/** The page of a plan, from which the action is started. */
export const planPage = page<PlanModel>({
  path: "/bulk",
  section: "Jobs",
  tenants: "one",
  title: (model) => ("issue" in model ? refusedTitle(model.verb) : verbText(model.verb, plural(model.plan.total, "job"))),
  query: queryPlan,
  // The form has an idempotency key; a refresh would replace it.
  pace: () => "never",
  view: (model, visit) => ("issue" in model ? <Refused visit={visit} refused={model} /> : <Planned visit={visit} model={model} />),
});

function Planned({ visit, model }: { visit: Visit; model: AcceptedPlan }) {
  return (
    <div class="reading">
      <h1>{verbText(model.verb, `${plural(model.plan.total, "job")}${model.plan.more ? " and more" : ""}`)}?</h1>
      <p>{"ids" in model.selection ? "The ticked jobs." : <Filter filter={model.selection.filter} />}</p>
      <ByType byType={model.plan.byType} />
      {model.plan.total === 0 && !model.plan.more ? <p>{model.unknown ?? nothingToDo(model)}</p> : <Offered visit={visit} model={model} />}
    </div>
  );
}

/** The effects of the action, and the form that starts it. */
function Offered({ visit, model }: { visit: Visit; model: AcceptedPlan }) {
  return (
    <>
      {model.verb === "replay" ? <PlanOf visit={visit} plan={model.plan} /> : <p>{effects[model.verb]}</p>}
      {isInDoubt(model) ? null : <Begin visit={visit} model={model} />}
    </>
  );
}

/** A replay of jobs that are all in doubt would end each as before; the plan's text names what is to be done first. */
function isInDoubt({ verb, plan }: AcceptedPlan): boolean {
  return verb === "replay" && !plan.more && plan.effects.inDoubt >= plan.total;
}

function nothingToDo({ verb, selection }: AcceptedPlan): string {
  if ("ids" in selection && verb === "run-now")
    return "No job here can be run now: each one runs, has ended, waits by the plan of its campaign, or is held by a pause, an open circuit or a paused site.";
  if ("ids" in selection) return "The ticked jobs have changed since: this is not possible for any of them.";
  const leftOut = verb === "run-now" ? ` ${heldAreLeftOut}` : "";
  return `No job for which this is possible matches the filter.${leftOut}`;
}

const heldAreLeftOut = "Jobs that a pause, an open circuit, a paused site or the plan of their campaign holds are left out.";

const effects = {
  "run-now": `Retrying, delayed and waiting jobs run now, within the limits of their queue. ${heldAreLeftOut} You can stop this action while it runs.`,
  cancel:
    "Waiting jobs end at once, running jobs within seconds. Effects that they have made, such as a mail sent, stay. You can stop this action while it runs.",
  dismiss: "These jobs leave the list of failures, and a replay by filter leaves them out. Each job can still be opened.",
};

function Filter({ filter }: { filter: Readonly<Record<string, string>> }) {
  return (
    <>
      All jobs that match:{" "}
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
      <Field label="Jobs to run first" name="canary" type="number" min={0} max={500} value={5} inputMode="numeric" />
      <Field label="Jobs a minute (blank: no limit)" name="ratePerMinute" type="number" min={1} max={100_000} inputMode="numeric" />
    </>
  );
}

/** The patch that corrects payloads; the audit has the names of its fields. */
function PatchField({ visit }: { visit: Visit }) {
  return (
    <details id="patch-part">
      <summary>Correct the payloads</summary>
      <label for="patch">A JSON object that is merged into each payload; null removes a field (RFC 7396). Effects that were made are made again.</label>
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
            <p>Jobs that this action has changed stay changed. The other jobs are not touched.</p>
          </Act>
        ) : null}
      </div>
      <p>
        <ProgressBar progress={{ done: bulk.done + bulk.failed, total: bulk.total, note: null }} noun="are dealt with" />
      </p>
      <dl class="facts">
        <Fact name={doneWords[bulk.action]} value={number(bulk.done)} />
        <Fact name="Left out: changed since the plan" value={number(bulk.failed)} />
      </dl>
      <p class="dim">
        Begun <Time at={bulk.at} />
        {bulk.endedAt === null ? null : [", ended ", <Time at={bulk.endedAt} />]}
      </p>
    </>
  ),
});

/** The newest actions. */
export function BulkTable({ visit, actions }: { visit: Visit; actions: readonly BulkAction[] }) {
  if (actions.length === 0) return null;
  return (
    <Section title="Actions on many jobs">
      <Table
        label="Bulk actions"
        rows={actions}
        id={({ id }) => `bulk-${id}`}
        columns={[
          ["State", ({ state }) => <State is={state} />],
          ["What", ({ id, action }) => <a href={`${visit.base}/bulk/${id}`}>{verbText(action)}</a>],
          ["Begun", ({ at }) => <Time at={at} />],
          ["#Jobs", ({ total }) => number(total)],
          ["#Done", ({ done }) => number(done)],
        ]}
      />
    </Section>
  );
}

interface TickedActsProps {
  visit: Visit;
  verbs?: readonly BulkVerb[];
  form: string;
  children?: ComponentChildren;
}

/** Buttons for the ticked rows of a list on this page. They are a form of their own, which works without the script. */
export function TickedActs({ visit, verbs: offered = bulkVerbs, form, children }: TickedActsProps) {
  if (!visit.may("operate")) return null;
  return (
    <form id={form} action={`${visit.base}/bulk`} class="ticked">
      <span class="dim">Ticked jobs:</span> {children}
      {offered.map((verb) => (
        <button key={verb} name="verb" value={verb}>
          {verbText(verb)}…
        </button>
      ))}
    </form>
  );
}

/** The column of checkboxes for the form of this name; none for a viewer who may not act. */
export function tickColumn(visit: Visit, form: string | undefined): Column<{ id: string }>[] {
  if (form === undefined || !visit.may("operate")) return [];
  return [["Tick", ({ id }) => <input type="checkbox" name="ids" value={id} form={form} aria-label={`Tick …${id.slice(-8)}`} />, "tick"]];
}
