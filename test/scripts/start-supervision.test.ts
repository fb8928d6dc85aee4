import { afterEach, describe, expect, it } from "vitest";
import { keepUp } from "../../scripts/start/keep-up.ts";
import { type Ending, endingOf, type RunningWorker } from "../../scripts/start/worker-process.ts";

describe("keeping the Worker up", () => {
  let over = new AbortController();
  afterEach(() => {
    over.abort();
    over = new AbortController();
  });

  it("starts it again when its runtime crashes, but not for ever", async () => {
    const { launched, reported, kept } = trial();
    const { up, down } = keepUp(kept);
    launched[0]?.ready();
    await up;
    for (let crash = 0; crash < 6; crash++) {
      launched[crash]?.end({ crashed: true, why: "it ended with code 70" });
      await expect.poll(() => launched.length > crash + 1 || crash === 5).toBe(true);
    }
    expect(await down).toBe("its runtime crashed 6 times within a minute");
    expect(launched).toHaveLength(6);
    expect(new Set(reported)).toEqual(new Set(["The Worker's runtime crashed; starting it again."]));
  });

  it("takes a crash of its runtime and a signal from outside for a crash, and no other end", () => {
    expect([endingOf(70, null), endingOf(null, "SIGKILL"), endingOf(1, null)]).toEqual([
      { crashed: true, why: "it ended with code 70" },
      { crashed: true, why: "it was ended by SIGKILL" },
      { crashed: false, why: "it ended with code 1" },
    ]);
  });

  it("ends it and starts it again when it no longer answers, and says so", async () => {
    const { launched, stopped, reported, kept } = trial();
    const silence = Promise.withResolvers<void>();
    const silent = () => (launched.length === 1 ? silence.promise : new Promise<void>(() => undefined));
    const { up } = keepUp({ ...kept, silent });
    launched[0]?.ready();
    await up;
    silence.resolve();
    await expect.poll(() => launched.length).toBe(2);
    expect(stopped).toEqual([0]);
    expect(reported).toEqual(["The Worker no longer answers; ending it and starting it again."]);
  });

  it("starts it again when its code changes, and waits for the next change when that does not start", async () => {
    const { launched, stopped, reported, kept } = trial();
    let change = Promise.withResolvers<void>();
    const { up } = keepUp({ ...kept, changed: () => change.promise });
    const edit = () => {
      const { resolve } = change;
      change = Promise.withResolvers<void>();
      resolve();
    };
    edit();
    launched[0]?.ready();
    await up;
    await expect.poll(() => launched.length).toBe(2);
    launched[1]?.end({ crashed: false, why: "it ended with code 1" });
    await expect.poll(() => reported.length).toBe(2);
    expect(launched).toHaveLength(2);
    edit();
    await expect.poll(() => launched.length).toBe(3);
    expect(stopped).toEqual([0, 1]);
    const again = "The code changed; starting the Worker again.";
    expect(reported).toEqual([again, "The changed code does not start: it ended with code 1. Waiting for the next change.", again]);
  });

  it("gives up when it ends otherwise", async () => {
    const { launched, kept } = trial();
    const { down } = keepUp(kept);
    launched[0]?.end({ crashed: false, why: "it ended with code 1" });
    expect(await down).toBe("it ended with code 1");
    expect(launched).toHaveLength(1);
  });

  it("gives up when the new one does not become healthy", async () => {
    const { launched, kept } = trial();
    let healthy = true;
    const { up, down } = keepUp({ ...kept, healthy: () => (healthy ? Promise.resolve() : Promise.reject(new Error("not healthy"))) });
    launched[0]?.ready();
    await up;
    healthy = false;
    launched[0]?.end({ crashed: true, why: "it ended with code 70" });
    await expect.poll(() => launched.length).toBe(2);
    launched[1]?.ready();
    expect(await down).toBe("not healthy");
  });

  function trial() {
    const launched: { ready(): void; end(ending: Ending): void }[] = [];
    const stopped: number[] = [];
    const reported: string[] = [];
    const launch = (): RunningWorker => {
      const ready = Promise.withResolvers<void>();
      const ended = Promise.withResolvers<Ending>();
      const index = launched.push({ ready: ready.resolve, end: ended.resolve }) - 1;
      return { ready: ready.promise, ended: ended.promise, stop: async () => void stopped.push(index) };
    };
    const { signal } = over;
    const report = (line: string): void => void (line.startsWith("The cron tick") || reported.push(line));
    const looks = { healthy: () => Promise.resolve(), silent: () => new Promise<void>(() => undefined) };
    return { launched, stopped, reported, kept: { url: "http://127.0.0.1:9", launch, ...looks, report, signal } };
  }
});
