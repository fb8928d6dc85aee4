import * as v from "valibot";
import { beforeAll } from "vitest";
import { createIntakeBench, type IntakeBench, type Tokens } from "./bench";
import { type GivenJob, givenJob } from "./given";

/** A new one for each file: a module is loaded once for all files of a runtime, and what one file left in it another would see. */
export let bench: IntakeBench;

export let own: Tokens;

export let other: Tokens;

/** Makes the interface and the two tenants before the tests of a file. */
export function useTenants(): void {
  beforeAll(async () => {
    bench = createIntakeBench();
    own = await bench.tenant("ops-own");
    other = await bench.tenant("ops-other");
  });
}

export const get = (path: string, token = own.read) => bench.call("GET", path, { token });

export const fits = (schema: v.GenericSchema, body: unknown) => v.is(schema, body);

export const givenDead = (tenant: string, more: GivenJob = {}) => givenJob(tenant, { state: "dead", settled: { reason: "503" }, ...more });
