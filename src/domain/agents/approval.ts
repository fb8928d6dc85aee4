const start = "a person has to approve ";

/** The reason of a run that waits until a person has decided on a proposal of this tool. */
export function approvalReason(tool: string): string {
  return start + tool;
}

/** The tool whose proposal a job of this type waits for; undefined for other waits. */
export function toolToApprove(type: string, reason: string | null): string | undefined {
  return type === "agent" && reason?.startsWith(start) ? reason.slice(start.length) : undefined;
}
