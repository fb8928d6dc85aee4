import * as v from "valibot";
import { count, isoTime, outputList, outputRecord } from "../bounded";
import { nullableText } from "./shapes";

export const replayShape = v.object({
  id: v.string(),
  tenant: v.string(),
  state: v.pipe(v.picklist(["running", "stopped", "done"]), v.description("running until the last job that it sent has ended; stopped before all were sent")),
  reason: v.pipe(nullableText, v.description("Why it stopped")),
  total: v.pipe(count, v.description("Dead letters that it named when it began")),
  sent: count,
  succeeded: count,
  failedAgain: count,
  cancelled: v.pipe(count, v.description("Cancelled after it was sent, or no longer kept")),
  open: v.pipe(count, v.description("Sent, and not ended yet")),
  replayed: v.pipe(count, v.description("As sent")),
  failed: v.pipe(count, v.description("Not sent: they are no dead letters any more, or the patch does not fit")),
  unsent: v.pipe(count, v.description("Dead letters that it has not sent yet; of a stopped one those that are dead letters still")),
  canary: v.pipe(count, v.description("Jobs that are sent first; the others follow when most of them ended well")),
  examples: v.pipe(outputList(v.string()), v.description("Ids of jobs that failed again, the first 20")),
  at: isoTime,
  endedAt: v.nullable(isoTime),
  ratePerMinute: v.pipe(v.nullable(count), v.description("Null: as fast as they can")),
  filter: v.pipe(v.nullable(outputRecord(v.string())), v.description("What it names, where that is a filter")),
  ids: v.pipe(v.nullable(count), v.description("How many jobs it names one by one")),
  patched: v.pipe(outputList(v.string()), v.description("The names of the fields that it changes in each payload, the first 20")),
  actor: v.pipe(nullableText, v.description("Who began it: `root`, or the id of a token; null: not recorded")),
  actorName: v.pipe(nullableText, v.description("What that token is called")),
  resumed: v.pipe(
    v.nullable(
      v.object({
        at: isoTime,
        actor: nullableText,
        actorName: nullableText,
        reason: v.pipe(nullableText, v.description("Why it had stopped")),
        stoppedAt: v.nullable(isoTime),
      }),
    ),
    v.description("Who resumed it last after a stop; null: it was not resumed"),
  ),
});
