import { action, textField } from "../action";

export const agentActions = {
  stop: action("POST /v1/agents/:type/stop", {
    name: "stop-agent",
    scope: "operate",
    label: "Stop",
    done: "The agent is stopped: its runs wait before their next call.",
    harms: true,
  }),
  start: action("POST /v1/agents/:type/start", { name: "start-agent", scope: "operate", label: "Start", done: "The agent runs again." }),
  approve: action("POST /v1/agent-runs/:id/approve", {
    name: "approve-proposal",
    scope: "operate",
    label: "Approve",
    done: "The proposal is approved: the run continues.",
    body: ({ proposalId }) => ({ id: proposalId }),
  }),
  reject: action("POST /v1/agent-runs/:id/reject", {
    name: "reject-proposal",
    scope: "operate",
    label: "Reject",
    done: "The proposal is rejected: the run ends without this act.",
    body: (fields) => {
      const reason = textField(fields, "reason");
      return { id: fields["proposalId"], ...(reason === undefined ? {} : { reason }) };
    },
    harms: true,
  }),
};
