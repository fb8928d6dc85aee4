import { aboutJob } from "../../trace";
import type { Engine } from "../engine";
import { type Execution, isDecided, isLoaded, type LoadedExecution } from "../execution";
import { orTrouble } from "../or-trouble";
import { discard, isOutcome, retry, wait, type Outcome } from "../outcome";
import { redactedReason } from "../../masking/redact";
import { keyOf } from "../ref";
import { upgraded } from "../registry";
import type { RunInput } from "../active-run";
import type { Delivery } from "./delivery";

/** How long a job waits when the payload store is down. */
const storeRetryMs = 30_000;

/** The outcome of a job whose payload cannot be fetched at present. */
export function payloadUnreachable(now: number): Outcome {
  return wait("the payload store cannot be reached", { until: now + storeRetryMs });
}

/** The outcome of a job whose payload the store no longer has. */
export function payloadGone(): Outcome {
  return discard("the payload is gone from the payload store");
}

/** The outcome of a job whose payload is no JSON, or cannot be brought to the present version. */
export function payloadUnreadable(thrown: unknown): Outcome {
  return discard(`the payload cannot be read: ${redactedReason(thrown)}`);
}

/**
 * Loads what executions need to run: their payloads, and the effects of earlier runs. Those whose payload cannot be loaded are decided.
 * Returns those that may run; the others are neither decided nor loaded while the ledger is away. Never throws.
 */
export async function load(engine: Engine, executions: readonly Execution[]): Promise<LoadedExecution[]> {
  const open = executions.filter((each) => !isDecided(each));
  const effects = await loadEffects(engine, open);
  if (!effects) return [];
  await Promise.all(open.map((each) => loadInput(engine, each, effects.get(each.delivery.key))));
  return open.filter(isLoaded);
}

/** By job and key. A first run can have no effects; only jobs that ran before are looked up. Undefined: the ledger is away. */
async function loadEffects(engine: Engine, executions: readonly Execution[]): Promise<ReadonlyMap<string, RunInput["effects"]> | undefined> {
  const earlier = executions.filter(({ job }) => job.runs > 1 || job.revision > 0);
  if (earlier.length === 0) return new Map();
  const effects = await orTrouble(engine, "effects", () => engine.ledger.effects(earlier.map(({ job }) => job)));
  if (!effects) return undefined;
  return new Map([...Map.groupBy(effects, keyOf)].map(([job, each]) => [job, new Map(each.map((effect) => [effect.key, effect]))]));
}

async function loadInput(engine: Engine, execution: Execution, effects: RunInput["effects"]): Promise<void> {
  const { delivery } = execution;
  const payload = await readPayload(engine, delivery);
  if (isOutcome(payload)) return execution.decide(payload);
  delivery.payload = payload.value;
  try {
    execution.input = { payload: payload.value, urgent: delivery.contract.urgent(payload.value), effects };
  } catch (thrown) {
    execution.decide(retry(redactedReason(thrown)));
  }
}

async function readPayload(engine: Engine, { envelope, contract, payload }: Delivery): Promise<{ value: unknown } | Outcome> {
  if (payload !== undefined) return { value: payload };
  let text = envelope.payload ?? null;
  if (text === null && envelope.ref !== undefined) {
    try {
      text = await engine.payloads.get(envelope.ref);
    } catch (thrown) {
      engine.emit({ event: "trouble", where: "payloads", reason: redactedReason(thrown), ...aboutJob(envelope) });
      return payloadUnreachable(engine.now());
    }
  }
  if (text === null) return payloadGone();
  try {
    return { value: upgraded(contract, JSON.parse(text), envelope.version) };
  } catch (thrown) {
    return payloadUnreadable(thrown);
  }
}
