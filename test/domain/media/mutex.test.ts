import { expect, test } from "vitest";
import { createMutex } from "../../../src/domain/media/mutex";

test("one that is over its time gives its turn up, and one that fails passes it on", async () => {
  const turns = createMutex();
  const over = new AbortController();
  const failing = turns(new AbortController().signal, () => Promise.reject(new Error("R2 is down")));
  const late = turns(over.signal, () => Promise.resolve("never"));
  const next = turns(new AbortController().signal, () => Promise.resolve("next"));
  over.abort(new Error("over its time"));
  await expect(failing).rejects.toThrow("R2 is down");
  await expect(late).rejects.toThrow("over its time");
  expect(await next).toBe("next");
});

test("work that never ends gives its turn up when its run is over its time", async () => {
  const turns = createMutex();
  const over = new AbortController();
  const hanging = turns(over.signal, () => new Promise<never>(() => undefined));
  const next = turns(new AbortController().signal, () => Promise.resolve("next"));
  // Only work that has begun can hang.
  await Promise.resolve();
  over.abort(new Error("over its time"));
  await expect(hanging).rejects.toThrow("over its time");
  expect(await next).toBe("next");
});
