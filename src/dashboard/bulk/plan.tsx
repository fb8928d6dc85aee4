import { plural } from "../../decimal";
import type { Plan } from "../answers";
import { ReplayLinks } from "../job/relatives";
import type { Visit } from "../page";
import { number, smallUsd } from "../parts/format";

/** The plan of a replay. */
export function PlanOf({ visit, plan }: { visit: Visit; plan: Plan }) {
  const { effects, refused } = plan;
  const known = [
    `${plural(plan.total, "job")} run${plan.total === 1 ? "s" : ""} again, about ${plural(plan.providerCalls, "call")} of outside systems, about ${smallUsd(plan.usd)} on Cloudflare's bill.`,
    effects.done > 0 ? `${number(effects.done)} made their effects already: these are not repeated.` : "",
    effects.inDoubt > 0 ? `For ${number(effects.inDoubt)} it is unknown whether an effect happened: settle it first, or they fail again.` : "",
    refused.length > 0 ? `${plural(refused.length, "job")} cannot run again: ${sentence(refused[0]?.reason ?? "")}` : "",
    "A few jobs run first; when half of them or more fail again, the replay stops by itself.",
  ];
  return (
    <>
      <p>{known.filter(Boolean).join(" ")}</p>
      <Alongside visit={visit} running={plan.running} />
    </>
  );
}

/** The replays that run now and may name the same jobs. */
export function Alongside({ visit, running }: { visit: Visit; running: readonly string[] }) {
  if (running.length === 0) return null;
  const isOne = running.length === 1;
  return (
    <p role="note">
      {isOne ? "A replay that may name these jobs is" : `${number(running.length)} replays that may name these jobs are`} under way:{" "}
      <ReplayLinks visit={visit} ids={running} />. Each job is sent by one of them alone. Wait until {isOne ? "it has" : "they have"} ended, or stop{" "}
      {isOne ? "it" : "them"} first.
    </p>
  );
}

function sentence(reason: string): string {
  return /[.!?…]$/.test(reason) ? reason : `${reason}.`;
}
