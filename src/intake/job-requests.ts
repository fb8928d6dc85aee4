import type * as v from "valibot";
import type { Contract } from "../queue/job";
import { type JsonSchema, type Override, toSchema } from "./json-schema";
import { batchJob, batchRequest, jobRequest } from "./routes/enqueue";

/** References to named schemas, so that each is written once. */
const references = new Map<unknown, string>([
  [jobRequest, "JobRequest"],
  [batchJob, "BatchJob"],
  [batchRequest, "BatchRequest"],
]);
const byReference: Override = (schema) => {
  const name = references.get(schema);
  return name === undefined ? undefined : reference(name);
};

/** The schema of a request's body. */
export function bodySchema(schema: v.GenericSchema): JsonSchema {
  return byReference(schema) ?? toSchema(schema, byReference);
}

/** JobRequest, BatchJob and BatchRequest; for each type its payload and both requests with it, discriminated by `type`. */
export function jobRequestSchemas(contracts: readonly Contract[]): JsonSchema {
  const senders = contracts.filter(({ internal }) => !internal);
  return {
    JobRequest: oneOf(senders, "Job", jobRequest),
    BatchJob: oneOf(senders, "BatchJob", batchJob),
    BatchRequest: toSchema(batchRequest, byReference, batchRequest),
    ...Object.fromEntries(senders.flatMap((contract) => [[`${pascal(contract.type)}Payload`, toSchema(contract.senderPayload)], ...requests(contract)])),
  };
}

function requests(contract: Contract): [string, JsonSchema][] {
  return [
    [`${pascal(contract.type)}Job`, ofType(jobRequest, contract)],
    [`${pascal(contract.type)}BatchJob`, ofType(batchJob, contract)],
  ];
}

/** A request of one type: its name, and its payload's schema in place of "anything". */
function ofType(schema: v.GenericSchema, { type, aliases }: Contract): JsonSchema {
  const base = toSchema(schema) as { properties: Record<string, unknown> };
  return { ...base, title: type, properties: { ...base.properties, type: { enum: [type, ...aliases] }, payload: reference(`${pascal(type)}Payload`) } };
}

function oneOf(contracts: readonly Contract[], suffix: string, schema: v.GenericSchema): JsonSchema {
  if (contracts.length === 0) return toSchema(schema);
  const named = contracts.map(({ type, aliases }) => ({ names: [type, ...aliases], to: reference(`${pascal(type)}${suffix}`) }));
  const mapping = Object.fromEntries(named.flatMap(({ names, to }) => names.map((name) => [name, to.$ref])));
  return { oneOf: named.map(({ to }) => to), discriminator: { propertyName: "type", mapping } };
}

function reference(name: string): { $ref: string } {
  return { $ref: `#/components/schemas/${name}` };
}

function pascal(type: string): string {
  return type.replaceAll(/(?:^|-)([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
