import { action, type ActionFields, textField } from "../action";
import type { Pauses } from "../answers";
import { byOf } from "./by";

const withReason = (fields: ActionFields) => {
  const reason = textField(fields, "reason");
  return reason === undefined ? {} : { reason };
};

/** The answer of the call: the remaining pauses. */
interface Held {
  tenant: string;
  paused: boolean;
  pauses: Pauses["pauses"];
}

/** The notice after a resume: another pause may still hold the jobs. */
function resumed(name: string, { tenant, paused, pauses }: Held): string {
  const all = pauses.find((pause) => pause.tenant === "*");
  if (paused && all) return `${name} stays paused for all tenants, by ${byOf(all)}${all.reason === null ? "" : `: ${all.reason}`}.`;
  const others = pauses.map((pause) => pause.tenant);
  if (tenant === "*" && others.length > 0)
    return `${name} goes on, but not for ${others.slice(0, 5).join(", ")}${others.length > 5 ? " and others" : ""}: paused by themselves.`;
  return `${name} goes on.`;
}

const hold = (scope: "queue" | "type" | "tenant") => ({
  pause: action(`POST /v1/${scope}s/:${scope}/pause`, {
    name: `pause-${scope}`,
    scope: "operate",
    label: "Pause",
    done: (fields) => `${fields[scope]} is paused: its jobs wait, none is lost.`,
    body: withReason,
    confirms: (fields, tenant) => (tenant !== "*" || fields["confirm"] === fields[scope] ? undefined : `Type ${fields[scope]} to pause it for all tenants.`),
    harms: true,
  }),
  resume: action(`POST /v1/${scope}s/:${scope}/resume`, {
    name: `resume-${scope}`,
    scope: "operate",
    label: "Resume",
    done: (fields, answer) => resumed(fields[scope] ?? "", answer as Held),
    body: withReason,
    bodyOptional: true,
  }),
});

const [queue, type, tenant] = [hold("queue"), hold("type"), hold("tenant")];

export const flowActions = {
  pauseQueue: queue.pause,
  resumeQueue: queue.resume,
  pauseType: type.pause,
  resumeType: type.resume,
  pauseTenant: tenant.pause,
  resumeTenant: tenant.resume,
  probeGate: action("POST /v1/gates/:dependency/probe", { name: "probe-gate", scope: "operate", label: "Probe now", done: "One job tries now." }),
  resetGate: action("POST /v1/gates/:dependency/reset", {
    name: "reset-gate",
    scope: "operate",
    label: "Close the circuit",
    done: "The circuit is closed; jobs that wait at it go on.",
  }),
};
