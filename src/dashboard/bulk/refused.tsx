import { searchAddress, type Search } from "../jobs/search";
import type { Visit } from "../page";
import type { RefusedPlan } from "./query";
import { type BulkVerb, verbText } from "./selection";
import { Field } from "../parts/field";

/** Fields of a filter, as the address holds them. */
const fields: readonly (readonly [name: keyof Search | "group", label: string])[] = [
  ["q", "Search"],
  ["type", "Type"],
  ["state", "State"],
  ["siteId", "Site"],
  ["parent", "Parent"],
  ["queue", "Queue"],
  ["group", "Group of failures"],
  ["from", "Accepted from"],
  ["to", "Accepted before"],
];

/** What is wrong with the filter, and the filter as it was given, to correct it. */
export function Refused({ visit, refused: { verb, issue } }: { visit: Visit; refused: RefusedPlan }) {
  const given = visit.url.searchParams;
  const givenFields = fields.filter(([name]) => name === "q" || given.get(name));
  return (
    <div class="reading">
      <h1>{refusedTitle(verb)}</h1>
      <p role="alert" class="trouble">
        {inWords(issue)}
      </p>
      {verb === undefined ? null : (
        <form action={`${visit.base}/bulk`} class="begin">
          <input type="hidden" name="verb" value={verb} />
          {givenFields.map(([name, label]) => (
            <Field key={name} label={label} name={name} value={given.get(name) ?? ""} maxLength={500} autocomplete="off" />
          ))}
          <button class="main">Plan again</button>
        </form>
      )}
      <p>
        <a href={searchAddress(visit.base, {})}>To the list of jobs</a>
      </p>
    </div>
  );
}

export function refusedTitle(verb: BulkVerb | undefined): string {
  return verb === undefined ? "Actions on many jobs" : verbText(verb, "jobs");
}

/** An issue names the fields of the call; the form has labels. */
function inWords(issue: string): string {
  return issue.replaceAll(/\bfilter\.(\w+)/g, (path, name: string) => fields.find(([field]) => field === name)?.[1] ?? path);
}
