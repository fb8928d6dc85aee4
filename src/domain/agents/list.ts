import { contentManagement } from "./content-management";
import type { Agent } from "./define";
import { leadAnalysis } from "./lead-analysis";
import { syncDoctor } from "./sync-doctor";

/** All agents, one line each. */
export const agents: readonly Agent[] = [contentManagement, leadAnalysis, syncDoctor];

export function agentNamed(all: readonly Agent[], type: string): Agent | undefined {
  return all.find((agent) => agent.type === type);
}
