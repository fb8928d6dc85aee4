import { outcomeOf } from "../../queue/effect";
import type { Run } from "../../queue/job";
import { done } from "../../queue/outcome";
import type { slack } from "./job";

export const runSlack: Run<typeof slack> = async ({ text, blocks }, context) => {
  const posted = await context.effect("post", () => context.chat.post({ text, blocks }, context.signal));
  if (!posted.ok && posted.failure.code === "gone") await context.chat.retire(posted.failure.reason, context.id);
  if (!posted.ok) return outcomeOf(posted.failure, context.now());
  return done({ posted: !context.dryRun });
};
