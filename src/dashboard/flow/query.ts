import type { Gates, Pauses, Queue, Queues, Types } from "../answers";
import type { Visit } from "../page";

export interface FlowModel {
  queues: Queue[];
  /** On the page of all tenants only open circuits. */
  gates: Gates["gates"];
  pauses: Pauses["pauses"];
  types: Types["types"];
}

export async function queryFlow({ api }: Visit): Promise<FlowModel> {
  const [{ queues }, { pauses }, { types }, { gates }] = await Promise.all([
    api.get<Queues>("/v1/queues"),
    api.get<Pauses>("/v1/pauses"),
    api.get<Types>("/v1/types"),
    api.get<Gates>("/v1/gates", { limit: "200" }),
  ]);
  return { queues, pauses, types, gates };
}
