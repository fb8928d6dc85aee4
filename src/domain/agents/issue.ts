import type { Issue } from "../../errors";

/** The issue of a model's answer or arguments. It omits the names of unknown fields: a model wrote them, and the text is shown unmasked. */
export function issueText({ path, message }: Issue): string {
  return message.startsWith("is not a field") ? "it has fields that were not asked for" : `${path || "the whole"} ${message}`;
}
