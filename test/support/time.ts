import { afterAll, beforeAll, vi } from "vitest";

/** Lets timers under ten seconds run fifty times as fast for the tests of a file: time-outs, grace and pauses between tries. */
export function hurry(): void {
  beforeAll(() => {
    const original = globalThis.setTimeout;
    vi.stubGlobal("setTimeout", (work: () => void, ms: number) => original(work, ms >= 10_000 ? ms : ms / 50));
  });
  afterAll(() => void vi.unstubAllGlobals());
}
