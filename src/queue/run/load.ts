import { aboutJob } from "../../trace";
import type { Engine } from "../engine";
import type { Execution } from "../execution";
import { orTrouble } from "../or-trouble";
import { discard, isOutcome, retry, wait, type Outcome } from "../outcome";
import { reasonOf } from "../../masking/redact";
import { keyOf } from "../ref";
import { upgraded } from "../registry";

/** How long a job waits when the payload store is down. */
const storeRetryMs = 30_000;

/**
 * Loads what executions need to run: their payloads, and the effects of earlier runs. Those whose payload cannot be loaded are decided.
 * Returns those that may run; the others are neither decided nor loaded while the ledger is away. Never throws.
 */
export async function load(engine: Engine, executions: readonly Execution[]): Promise<Execution[]> {
  const open = executions.filter(({ decision }) => !decision);
  if (!(await loadEffects(engine, open))) return [];
  await Promise.all(open.map((execution) => loadPayload(engine, execution)));
  return open.filter(({ decision }) => !decision);
}

/** A first run can have no effects; only jobs that ran before are looked up. False: the ledger is away. */
async function loadEffects(engine: Engine, executions: readonly Execution[]): Promise<boolean> {
  const earlier = executions.filter(({ job }) => job.runs > 1 || job.revision > 0);
  if (earlier.length === 0) return true;
  const effects = await orTrouble(engine, "effects", () => engine.ledger.effects(earlier.map(({ job }) => job)));
  if (!effects) return false;
  const byJob = Map.groupBy(effects, keyOf);
  for (const execution of earlier) execution.effects = new Map((byJob.get(keyOf(execution.job)) ?? []).map((effect) => [effect.key, effect]));
  return true;
}

async function loadPayload(engine: Engine, execution: Execution): Promise<void> {
  const payload = await readPayload(engine, execution);
  if (isOutcome(payload)) return execution.decide(payload);
  try {
    execution.payload = payload.value;
    execution.urgent = execution.contract.urgent(payload.value);
  } catch (thrown) {
    execution.decide(retry(reasonOf(thrown)));
  }
}

async function readPayload(engine: Engine, { envelope, contract, payload }: Execution): Promise<{ value: unknown } | Outcome> {
  if (payload !== undefined) return { value: payload };
  let text = envelope.payload ?? null;
  if (text === null && envelope.ref !== undefined) {
    try {
      text = await engine.payloads.get(envelope.ref);
    } catch (thrown) {
      engine.emit({ event: "trouble", where: "payloads", reason: reasonOf(thrown), ...aboutJob(envelope) });
      return wait("the payload store cannot be reached", { until: engine.now() + storeRetryMs });
    }
  }
  if (text === null) return discard("the payload is gone from the payload store");
  try {
    return { value: upgraded(contract, JSON.parse(text), envelope.version) };
  } catch (thrown) {
    return discard(`the payload cannot be read: ${reasonOf(thrown)}`);
  }
}
