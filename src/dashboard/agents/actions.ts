import { action, textField } from "../action";

export const agentActions = {
  stop: action("POST /v1/agents/:type/stop", {
    name: "stop-agent",
    scope: "operate",
    label: "Stop",
    done: "It is stopped: its runs wait before their next call.",
    harms: true,
  }),
  start: action("POST /v1/agents/:type/start", { name: "start-agent", scope: "operate", label: "Start", done: "It runs again." }),
  approve: action("POST /v1/agent-runs/:id/approve", {
    name: "approve-proposal",
    scope: "operate",
    label: "Approve",
    done: "It is approved: the run goes on.",
    body: ({ proposalId }) => ({ id: proposalId }),
  }),
  reject: action("POST /v1/agent-runs/:id/reject", {
    name: "reject-proposal",
    scope: "operate",
    label: "Reject",
    done: "It is rejected: the run ends without doing it.",
    body: (fields) => {
      const reason = textField(fields, "reason");
      return { id: fields["proposalId"], ...(reason === undefined ? {} : { reason }) };
    },
    harms: true,
  }),
};
