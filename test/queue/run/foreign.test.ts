import { beforeEach, describe, expect, test } from "vitest";
import type { ForeignReaders, ForeignDisposition } from "../../../src/queue/run/foreign";
import { type EngineBench, createEngineBench, type Held } from "../../support/engine";
import { emptyLedger } from "../../support/invariants";

beforeEach(emptyLedger);

describe("a message that is no envelope", () => {
  test("goes to the reader of its queue, with its id and body", async () => {
    const bench = createEngineBench();
    const seen: unknown[] = [];
    const answers = await deliver(bench, [{ action: "PutObject" }, "text"], {
      "media-uploads": async (messages) => messages.map(({ id, body }) => (seen.push([id, body]), { do: "ack" })),
    });
    expect(answers).toEqual(["ack", "ack"]);
    expect(seen).toEqual([
      ["m0", { action: "PutObject" }],
      ["m1", "text"],
    ]);
    expect(await letters(bench)).toEqual([]);
  });

  test("is a dead letter where no reader is, and where the reader says so with its reason", async () => {
    const bench = createEngineBench();
    await deliver(bench, [{ a: 1 }], { "mail-events": async () => [{ do: "ack" }] });
    expect(await letters(bench)).toEqual([{ tenant: "system", type: "unknown", reason: "the message is not an envelope" }]);
    await emptyLedger();
    await deliver(bench, [{ b: 1 }], readerSaying({ do: "bury", reason: "it names no tenant" }));
    expect(await letters(bench)).toEqual([{ tenant: "system", type: "unknown", reason: "it names no tenant" }]);
  });

  test("is delivered again when the reader asks for it, throws, or leaves a verdict out", async () => {
    const bench = createEngineBench();
    expect(await deliver(bench, [1, 2], readerSaying({ do: "redeliver", seconds: 60 }, { do: "redeliver" }))).toEqual([{ retry: 60 }, { retry: 1 }]);
    expect(await deliver(bench, [1], readerSaying())).toEqual([{ retry: 1 }]);
    const down = { "media-uploads": () => Promise.reject(new Error("R2 is down")) };
    expect(await deliver(bench, [1, 2], down)).toEqual([{ retry: 1 }, { retry: 1 }]);
    expect(bench.troubles()).toMatchObject([{ where: "foreign", reason: "R2 is down", queue: "media-uploads" }]);
    expect(await letters(bench)).toEqual([]);
  });

  test("does not keep the jobs of its batch from running", async () => {
    const bench = createEngineBench();
    const id = await bench.acceptOne({ payload: { script: [{ do: "done" }] } });
    const own = bench.messagesOf(id);
    await bench.deliver([...own, message({ action: "PutObject" }, 0)], { readers: { events: () => Promise.reject(new Error("away")) } });
    expect((await bench.row(id))?.state).toBe("done");
  });
});

function readerSaying(...verdicts: ForeignDisposition[]): ForeignReaders {
  return { "media-uploads": () => Promise.resolve(verdicts) };
}

async function deliver(bench: EngineBench, bodies: readonly unknown[], readers: ForeignReaders) {
  return (await bench.deliver(bodies.map(message), { readers })).map(({ answer }) => answer);
}

function message(body: unknown, index: number): Held {
  return { id: `m${index}`, queue: "media-uploads", body, at: 0, attempts: 0 };
}

function letters(bench: EngineBench) {
  return bench.all("SELECT tenant, type, reason FROM dead_letters");
}
