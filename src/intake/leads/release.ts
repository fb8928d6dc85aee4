import { getLead } from "../../domain/leads/queries";
import { maxReleased, removeReleased, submissionReleased } from "../../domain/leads/release";
import type { Project } from "../../tenants/project-schema";
import { Problem, problemOfRefusal } from "../../errors";
import { lead as leadJob } from "../../jobs/lead/job";
import type { EnqueueRequest } from "../../queue/request";
import type { IntakeDeps } from "../deps";
import { unavailableProblem } from "../problem";

/**
 * Releases a robot as a person: its submissions are enqueued as if they had come now, the oldest first, and the robot is removed. Repeated after a crash
 * it enqueues nothing twice. Returns the jobs' ids, that of the newest submission first. Throws a Problem with the reason of a refusal.
 */
export async function releaseRobot(deps: Pick<IntakeDeps, "db" | "enqueue" | "now" | "snapshots">, tenant: string, id: string): Promise<string[]> {
  const found = await getLead(deps.db, tenant, id);
  if (!found) throw new Problem("not-found", "There is no such lead.");
  const { lead } = found;
  if (lead.kind !== "bot") throw new Problem("conflict", "This lead is not held as a robot, so there is nothing to release.");
  const project = await projectOf(deps, tenant, lead.project);
  const released = found.submissions.slice(0, maxReleased);
  const now = deps.now();
  const requests = released.map((each, age): EnqueueRequest => {
    const payload = submissionReleased(each, project, now - age);
    return { tenant, type: leadJob.type, payload, own: ["release", each.id], fingerprintOf: each.id };
  });
  const receipts = await deps.enqueue(requests);
  const refused = receipts.find((each) => !each.ok);
  if (refused && !refused.ok) throw problemOfRefusal(refused);
  await removeReleased(
    deps.db,
    tenant,
    lead.id,
    released.map((each) => each.id),
  );
  return receipts.flatMap((each) => (each.ok ? [each.id] : []));
}

async function projectOf(deps: Pick<IntakeDeps, "now" | "snapshots">, tenant: string, name: string): Promise<Project | null> {
  const lookup = await deps.snapshots.read(tenant, deps.now());
  if (lookup.state !== "known") throw unavailableProblem("The project's settings cannot be read right now.");
  const { projects } = lookup.snapshot.sections;
  return projects && Object.hasOwn(projects, name) ? (projects[name] ?? null) : null;
}
