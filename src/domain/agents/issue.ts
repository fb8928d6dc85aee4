import type { Issue } from "../../errors";

/** What is wrong with a model's answer or arguments. The names of unknown fields are left out: a model wrote them, and the text is shown unmasked. */
export function issueText({ path, message }: Issue): string {
  return message.startsWith("is not a field") ? "it has fields that were not asked for" : `${path || "the whole"} ${message}`;
}
