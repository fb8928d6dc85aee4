import { reportSilence, type Silent } from "../../domain/leads/silence";
import { event } from "../../jobs/event/job";
import type { Engine } from "../../queue/engine";
import { enqueue } from "../../queue/enqueue";

/** The tick's step: a project without leads for too long makes an event and a log line. */
export function reportSilentProjects({ db, engine }: { db: D1Database; engine: Engine }): (now: number) => Promise<Record<string, number>> {
  const alert = async (silent: readonly Silent[]) => {
    const receipts = await enqueue(engine, silent.map(eventOf));
    for (const [index, { watched, alert: silence }] of silent.entries()) {
      const receipt = receipts[index];
      const trouble = receipt?.ok ? `had no lead for ${silence.minutes} minutes` : `is silent, and the alert was refused: ${receipt?.detail ?? "no receipt"}`;
      engine.emit({ event: "trouble", where: "leads", reason: `project ${watched.project} ${trouble}`, tenant: watched.tenant });
    }
    return receipts.map(({ ok }) => ok);
  };
  return async (now) => ({ ...(await reportSilence({ db, alert }, now)) });
}

function eventOf({ watched: { tenant, project, silence }, alert: { minutes, lastLeadAt }, key }: Silent) {
  const last = lastLeadAt === null ? null : new Date(lastLeadAt).toISOString();
  const data = { project, minutesWithoutLeads: minutes, lastLeadAt: last, threshold: silence.minutes };
  // Two ticks may count different minutes for the same silence.
  return { tenant, type: event.type, own: ["silence", key], formerKey: `event ${key}`, fingerprintOf: key, payload: { id: key, type: "lead.silence", data } };
}
