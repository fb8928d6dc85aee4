import { check } from "../../queue/validate";
import { type Agent, type AgentTool, toolOf } from "./define";
import type { AgentStep } from "./model";
import { type RequestedCall, knownIds, readsOf } from "./position";
import type { Issue } from "../../errors";

/** The decision about a tool call that a model requests. */
type ToolDecision = { kind: "refuse"; reason: string; tool?: AgentTool } | { kind: "approve" | "act"; tool: AgentTool; input: unknown };

/**
 * Decides from the agent's declaration and the recorded steps, never from the content of a text. A tool that the agent does not declare is refused.
 * Arguments must fit the schema, and an id must be one that a tool has read. A tool that writes outside needs approval once untrusted text is in the
 * context. Pure.
 */
export function decideCall(agent: Agent, steps: readonly AgentStep[], { tool: name, input }: RequestedCall): ToolDecision {
  const tool = toolOf(agent, name);
  if (!tool || (tool === agent.conclusion?.tool && !isConclusion(steps))) return { kind: "refuse", reason: "there is no such tool" };
  if (input === undefined) return { kind: "refuse", reason: "the arguments are no JSON", tool };
  const checked = check(tool.input, input);
  if (!checked.ok) return { kind: "refuse", reason: `the arguments do not fit: ${[...new Set(checked.issues.map(issueText))].join("; ")}`, tool };
  const ids = knownIds(steps);
  if (tool.ids(checked.value).some((id) => !ids.has(id))) return { kind: "refuse", reason: "the arguments name an id that was not given as one", tool };
  const needsPerson = tool.approval || (tool.writes === "outside" && readsOf(steps) === "untrusted");
  return { kind: needsPerson ? "approve" : "act", tool, input: checked.value };
}

/** The conclusion runs only after the final answer. */
function isConclusion(steps: readonly AgentStep[]): boolean {
  const last = steps.findLast(({ kind }) => kind === "model");
  return last?.kind === "model" && "output" in last.body;
}

/** The issue of a model's answer or arguments. It omits the names of unknown fields: a model wrote them, and the text is shown unmasked. */
export function issueText({ path, message }: Issue): string {
  return message.startsWith("is not a field") ? "it has fields that were not asked for" : `${path || "the whole"} ${message}`;
}
