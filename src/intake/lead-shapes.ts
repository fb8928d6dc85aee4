import * as v from "valibot";
import { count, isoTime, outputList } from "../bounded";
import { submissionSchema } from "../domain/leads/model";
import { follows } from "../domain/leads/store";
import { nullableText, summaryEntries } from "./shapes";

const summary = {
  id: v.string(),
  project: v.string(),
  email: nullableText,
  phone: nullableText,
  name: nullableText,
  visitorId: nullableText,
  score: count,
  label: v.string(),
  suspicion: count,
  suspicionReasons: outputList(v.string()),
  test: v.boolean(),
  bot: v.boolean(),
  crmId: nullableText,
  createdAt: isoTime,
  updatedAt: isoTime,
};
export const leadsShape = v.object({ leads: outputList(v.object({ ...summary, submissions: count })), cursor: nullableText });
const { project: _project, reasons: _reasons, ...submitted } = submissionSchema.entries;
const submission = v.object({ ...submitted, id: v.string(), at: isoTime, follow: v.picklist(follows), suspicionReasons: outputList(v.string()) });
export const leadShape = v.object({
  ...summary,
  submissions: outputList(submission),
  activity: outputList(v.object({ at: isoTime, type: v.string(), body: v.pipe(v.unknown(), v.description("The CRM's report")) })),
  jobs: outputList(v.object(summaryEntries)),
  effects: outputList(v.object({ job: v.string(), type: v.string(), key: v.string(), state: v.string(), at: isoTime })),
});
