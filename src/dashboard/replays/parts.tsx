import type { Replay } from "../answers";
import type { Visit } from "../page";
import { Act } from "../parts/act";
import { number } from "../parts/format";
import { replayActions } from "./actions";
import { Field } from "../parts/field";

/** A replay's selection: its filter as in the search box, or the number of ticked jobs. */
export function What({ replay: { tenant, filter, ids, patched } }: { replay: Replay }) {
  const { group, parent, ...words }: Record<string, string | undefined> = filter ?? {};
  return (
    <>
      {group === undefined ? null : <a href={`/t/${tenant}/failures/${encodeURIComponent(group)}`}>a group of failures</a>}{" "}
      {parent === undefined ? null : <a href={`/t/${tenant}/jobs?parent=${encodeURIComponent(parent)}`}>the children of a job</a>}{" "}
      {Object.entries(words).map(([name, value]) => (
        <code key={name}>
          {name === "siteId" ? "site" : name}:{value}{" "}
        </code>
      ))}
      {ids === null ? null : `${number(ids)} by id`}
      {patched.length === 0 ? null : <span class="dim"> with {patched.join(", ")} changed</span>}
    </>
  );
}

/** The actions that its state allows, for its own tenant. */
export function ReplayActs({ visit, replay: { id, tenant, state, ratePerMinute, open, unsent, patched } }: { visit: Visit; replay: Replay }) {
  if (unsent === 0 || (state === "stopped" && open > 0)) return null;
  const act = { visit, tenant, fields: { id } };
  if (state === "stopped")
    return patched.length > 0 && !visit.may("admin") ? null : (
      <Act {...act} action={replayActions.resume}>
        <p>
          The jobs that were not sent follow within a minute, the first few alone: if most of these fail again, it stops again. Those that failed again stay
          dead.
        </p>
      </Act>
    );
  if (state !== "running") return null;
  return (
    <>
      <Act {...act} action={replayActions.setRate}>
        <p>The rate holds from the next minute on. Jobs that were sent still run.</p>
        <Field
          label="Jobs a minute (blank: as fast as they can)"
          name="ratePerMinute"
          type="number"
          min={1}
          max={100_000}
          value={ratePerMinute ?? ""}
          inputMode="numeric"
        />
      </Act>{" "}
      <Act {...act} action={replayActions.abort}>
        <p>What has been sent runs on; the others stay dead.</p>
      </Act>
    </>
  );
}

/** Jobs of it that have not ended, sent or not. */
export function leftOf({ open, unsent }: Replay): number {
  return open + unsent;
}

export function replayRate({ ratePerMinute }: Replay): string {
  return ratePerMinute === null ? "as fast as they can" : `${number(ratePerMinute)} a minute`;
}
