import * as v from "valibot";
import { beforeAll } from "vitest";
import { createIntakeBench, type Tokens } from "./bench";
import { type GivenJob, givenJob } from "./given";

export const bench = createIntakeBench();

export let own: Tokens;

export let other: Tokens;

/** Makes the two tenants before the tests of a file. */
export function useTenants(): void {
  beforeAll(async () => {
    own = await bench.tenant("ops-own");
    other = await bench.tenant("ops-other");
  });
}

export const get = (path: string, token = own.read) => bench.call("GET", path, { token });

export const fits = (schema: v.GenericSchema, body: unknown) => v.is(schema, body);

export const givenDead = (tenant: string, more: GivenJob = {}) => givenJob(tenant, { state: "dead", settled: { reason: "503" }, ...more });
