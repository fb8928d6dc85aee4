import { expect, test } from "vitest";
import { equalParts } from "../src/multipart";

const partBytes = 5 * 1024 * 1024;

async function* chunksOf(sizes: number[]): AsyncGenerator<Uint8Array> {
  for (const [index, size] of sizes.entries()) yield new Uint8Array(size).fill(index + 1);
}

async function partsFrom(...sizes: number[]): Promise<Uint8Array[]> {
  const parts: Uint8Array[] = [];
  for await (const part of equalParts(chunksOf(sizes))) parts.push(part);
  return parts;
}

test("a small upload takes little memory, however large a part may be", async () => {
  const parts = await partsFrom(300, 20_000);
  expect(parts.map(({ length }) => length)).toEqual([20_300]);
  expect(parts[0]?.buffer.byteLength).toBeLessThanOrEqual(64 * 1024);
});

test.each([
  [[], []],
  [[0], []],
  [[partBytes], [partBytes]],
  [
    [partBytes - 1, 2],
    [partBytes, 1],
  ],
  [
    [70_000, 2 * partBytes, 5],
    [partBytes, partBytes, 70_005],
  ],
])("chunks of %j bytes become parts of %j, in order", async (sizes, expected) => {
  const parts = await partsFrom(...sizes);
  expect(parts.map(({ length }) => length)).toEqual(expected);
  const whole = new Uint8Array(await new Blob(parts as Uint8Array<ArrayBuffer>[]).arrayBuffer());
  let end = 0;
  for (const [index, size] of sizes.entries()) {
    expect([whole[end], whole[end + size - 1]]).toEqual(size > 0 ? [index + 1, index + 1] : [undefined, undefined]);
    end += size;
  }
});
