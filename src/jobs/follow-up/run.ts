import type { Run } from "../../queue/job";
import { done } from "../../queue/outcome";
import { email } from "../email/job";
import type { followUp } from "./job";

export const writeAgain: Run<typeof followUp> = async ({ entity, since, to, variables }, context) => {
  const answered = await context.followUps.hasAnswered(context.tenant, entity, since);
  if (answered) return done({ mail: null, because: "the lead has answered" });
  const mail = { to, templateId: "follow-up", variables, about: [entity] };
  return done({ mail: await context.enqueue(email, mail, { key: "mail" }) });
};
