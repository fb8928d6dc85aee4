import { beforeAll, vi } from "vitest";
import { app } from "../../src/app";
import type { WorkerEnv } from "../../src/env";

/** Keeps a fuzzed Worker to its file: no address is there, and no row is written seconds later, into the tables of the next file. To be called by each file. */
export function useAlone(env: WorkerEnv): void {
  beforeAll(() => {
    vi.stubGlobal("fetch", () => Promise.reject(new Error("Network connection lost.")));
    app(env).engine.later = () => undefined;
  });
}
