import { eventData, makeComPayload } from "../../domain/leads/make-com-payload";
import type { Stored } from "../../domain/leads/store";
import { ok } from "../../queue/effect";
import type { PayloadOf, Run } from "../../queue/job";
import { discard, done, type Outcome, wait } from "../../queue/outcome";
import { event } from "../event/job";
import { webhook } from "../webhook/job";
import type { lead } from "./job";

type Payload = PayloadOf<typeof lead>;
type Context = Parameters<Run<typeof lead>>[1];

export const runLead: Run<typeof lead> = async (submission, context) => {
  if (context.dryRun) return wouldStore(context);
  const { leads } = context;
  const at = submittedAt(submission, context);
  const project = await leads.project(submission.project);
  const stored = await leads.store({ id: context.id, at, submission, reengageHours: project?.reengageHours ?? 24 });
  await publish(submission, stored, context);
  const why = await notForwarded(submission, stored, project, context);
  const forwarding = why === undefined ? await forward(submission, stored, project?.name, context) : undefined;
  const end = done({ lead: stored.lead.id, follow: stored.follow, forward: why ?? "handed on" }, { after: () => leads.count(submission, stored) });
  return forwarding !== undefined && project?.ackAfter === "forward" ? afterForwarding(forwarding, end, context) : end;
};

async function wouldStore(context: Context): Promise<Outcome> {
  await context.effect("store", async () => ok(null));
  return done({ lead: null, follow: "none", forward: "dry run" });
}

// A fast clock must not make its submission the newest for ever.
function submittedAt({ at }: Payload, context: Context): number {
  return Math.min(at ?? context.at, context.at);
}

// Publishes lead.created or lead.updated; nothing for robots.
async function publish(submission: Payload, stored: Stored, context: Context): Promise<void> {
  if (submission.kind === "bot") return;
  const { id } = context;
  const type = stored.follow === "new" ? "lead.created" : "lead.updated";
  const data = eventData({ stored, id, at: submittedAt(submission, context) });
  await context.enqueue(event, { id, type, timestamp: new Date(stored.lead.updated).toISOString(), data }, { key: "event" });
}

async function notForwarded(
  submission: Payload,
  stored: Stored,
  project: Awaited<ReturnType<Context["leads"]["project"]>>,
  { leads }: Context,
): Promise<string | undefined> {
  if (submission.kind === "bot") return "not forwarded: a bot";
  if (stored.follow === "none") return "not forwarded: the same lead was forwarded a short while ago";
  if (project === null) return "not forwarded: the project was removed";
  if (!project.forward) return "not forwarded: the project stores only";
  return (await leads.hasHook()) ? undefined : 'not forwarded: there is no connection "make"';
}

function forward(submission: Payload, stored: Stored, projectName: string | undefined, context: Context): Promise<string> {
  const { tenant, id, leads } = context;
  const body = makeComPayload({ tenant, id, at: submittedAt(submission, context), submission, stored, projectName, local: leads.local });
  return context.enqueue(webhook, { connection: "make", id, body, about: [`lead:${stored.lead.id}`] }, { key: "forward" });
}

// Replaying this job revives the forwarding job, whose id derives from this one.
async function afterForwarding(job: string, end: Outcome, context: Context): Promise<Outcome> {
  const state = await context.leads.forwarding(job);
  if (state === "done") return end;
  if (state === "dead" || state === "discarded" || state === "cancelled")
    return discard(`stored, and forwarding ended ${state}: replay this job when what it lacks is there`);
  const now = context.now();
  const pause = Math.min(300_000, Math.max(2000, (now - context.at) / 2));
  return wait("stored; its forwarding is under way", { until: now + pause });
}
