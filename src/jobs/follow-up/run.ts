import type { Run } from "../../queue/job";
import { done } from "../../queue/outcome";
import { email } from "../email/job";
import type { followUp } from "./job";

export const runFollowUp: Run<typeof followUp> = async ({ entity, since, to, variables }, context) => {
  const { followUps, tenant } = context;
  if (await followUps.hasAnswered(tenant, entity, since)) return done({ mail: null, because: "the lead has answered" });
  const mail = await context.enqueue(email, { to, templateId: "follow-up", variables, about: [entity] }, { key: "mail" });
  if (!context.dryRun) await followUps.over(tenant, entity, context.id);
  return done({ mail });
};
