import { redactedReason } from "../../masking/redact";
import type { Engine } from "../engine";
import type { Contract, Job, Run } from "../job";
import { refOf } from "../disposition";
import type { Delivery } from "./delivery";
import type { OfferRef } from "../ports/run-ledger";
import { wait } from "../outcome";
import { parkedAt } from "../placement";
import { keyOf } from "../ref";
import { payloadOf } from "../registry";
import { isFresh, rowFromDelivery } from "../accept/row-on-demand";

/** A job that a worker shall take is parked at this gate: without a message, in the order of arrival. No tick admits it. */
function workerGate(type: string): string {
  return `worker/${type}`;
}

/** The type of a job that is parked for workers; undefined at any other gate. */
export function typeAtGate(gate: string | null): string | undefined {
  return gate?.startsWith("worker/") ? gate.slice("worker/".length) : undefined;
}

/** A contract whose behaviour runs outside. What reaches a run here was not offered yet, and comes back in a moment. */
export function remoteJob(contract: Contract): Job {
  if (!contract.remote) throw new Error(`Job "${contract.type}" is not remote: pair it with its run by job()`);
  const run: Run<Contract> = async (_payload, context) => wait("it is not offered to workers yet", { until: context.now() + 1000 });
  return { contract, run };
}

/**
 * Offers the remote jobs of a batch to workers and acknowledges their messages. Returns the jobs that the claim answers: those that run here, and
 * those that cannot be offered (ended, cancelled, not due, stale, another payload). One round trip, which writes the rows of fresh ones, and one more
 * for others without a row. No run is claimed, so none is counted. Never throws.
 */
export async function offerRemote(engine: Engine, deliveries: readonly Delivery[]): Promise<readonly Delivery[]> {
  const remote = deliveries.filter(isRemote);
  if (remote.length === 0) return deliveries;
  const others = deliveries.filter((each) => !isRemote(each));
  try {
    const { offered, found } = await offer(engine, remote, (each) => isFresh(engine, each, engine.now()));
    const unknown = remote.filter(({ envelope }) => !found.has(keyOf(envelope)));
    const late = unknown.length > 0 ? (await offer(engine, unknown, () => true)).offered : new Set<string>();
    const isOffered = ({ envelope }: Delivery) => offered.has(keyOf(envelope)) || late.has(keyOf(envelope));
    for (const each of remote.filter(isOffered)) each.ack();
    return [...others, ...remote.filter((each) => !isOffered(each))];
  } catch (thrown) {
    engine.emit({ event: "trouble", where: "offer", reason: redactedReason(thrown) });
    for (const each of remote) each.redeliver(engine);
    return others;
  }
}

function isRemote({ contract }: Delivery): boolean {
  return contract.remote !== undefined;
}

/** `bringsRow`: those whose row is written first if it is missing. */
async function offer(
  engine: Engine,
  remote: readonly Delivery[],
  bringsRow: (delivery: Delivery) => boolean,
): Promise<{ offered: Set<string>; found: Set<string> }> {
  const fresh = remote.filter(bringsRow).map((each) => rowFromDelivery(engine, each));
  const { offered, found } = await engine.ledger.offer(remote.map(offerRef), engine.now(), fresh);
  return { offered: new Set(offered.map(keyOf)), found: new Set(found.map(keyOf)) };
}

function offerRef(delivery: Delivery): OfferRef {
  const { envelope, contract } = delivery;
  const payload = payloadOf(contract, envelope);
  return { ...refOf(delivery), ...parkedAt(workerGate(contract.type), envelope.at, payload !== null && contract.urgent(payload)) };
}
