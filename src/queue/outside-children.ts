import { accept } from "./enqueue";
import type { Engine } from "./engine";
import type { JobRef } from "./ports/job-row";
import { firstName, prepare } from "./accept/prepare";
import { invalid, unknownType } from "./accept/receipts";
import { checkPayload } from "./registry";
import type { EnqueueRequest, Receipt } from "./request";
import { type Traced, traceOfChild } from "../trace";

/**
 * Enqueues children of a remote job. Their ids derive from parent, type and key, as those of a run's children; only types and fields that a sender
 * may use are accepted. One receipt each, in their order.
 */
export function acceptChildren(engine: Engine, parent: JobRef & Traced, children: readonly { request: EnqueueRequest; key: string }[]): Promise<Receipt[]> {
  return Promise.all(children.map(({ request, key }) => acceptChild(engine, parent, request, key)));
}

async function acceptChild(engine: Engine, parent: JobRef & Traced, request: EnqueueRequest, key: string): Promise<Receipt> {
  const contract = engine.registry.find(request.type)?.contract;
  if (!contract || contract.internal) return unknownType(engine, request.type);
  const checked = checkPayload(contract, request.payload, contract.senderPayload);
  if (!checked.ok) return invalid(checked.issues);
  const derivedFrom = { parts: ["child", parent.id, firstName(contract), key], parent: parent.id };
  const prepared = await prepare(engine, { ...request, trace: traceOfChild(parent) }, { derivedFrom });
  return "envelope" in prepared ? accept(engine, prepared) : prepared;
}
