import { aboutJob } from "../../trace";
import { maskKnownValues } from "../../masking/known-values";
import { redactedReason } from "../../masking/redact";
import type { HeldJob } from "../../ledger/work/model";
import { keyOf } from "../../queue/ref";
import { upgraded } from "../../queue/registry";
import type { WorkDeps } from "./deps";

/** A worker's texts, in order, without the values of personal payload fields. A text that cannot be compared is dropped. */
export async function maskedReasons(deps: WorkDeps, texts: readonly { job: HeldJob; text: string }[]): Promise<string[]> {
  if (texts.length === 0) return [];
  const inline = await deps.ledger.payloads(texts.filter(({ job }) => job.ref === null).map(({ job }) => job));
  return Promise.all(texts.map(async ({ job, text }) => withoutPersonal(deps, job, text, inline.get(keyOf(job)) ?? null)));
}

async function withoutPersonal({ engine }: WorkDeps, job: HeldJob, text: string, inline: string | null): Promise<string> {
  try {
    const payload = inline ?? (job.ref === null ? null : await engine.payloads.get(job.ref));
    const contract = engine.registry.find(job.type)?.contract;
    return payload === null || !contract ? text : maskKnownValues(contract.payload, upgraded(contract, JSON.parse(payload), job.version), text);
  } catch (thrown) {
    engine.emit({ event: "trouble", where: "payloads", reason: redactedReason(thrown), ...aboutJob(job) });
    return "(not kept: the payload could not be read, so what is personal in this text is not known)";
  }
}
