import { action, type Fields, textOf } from "../action";

const withReason = (fields: Fields) => {
  const reason = textOf(fields, "reason");
  return reason === undefined ? {} : { reason };
};

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
    done: (fields) => `${fields[scope]} goes on.`,
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
