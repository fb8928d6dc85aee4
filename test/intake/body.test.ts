import { expect, test } from "vitest";
import { readText } from "../../src/intake/body";

const post = (body: BodyInit) => new Request("https://jobyard.test/", { method: "POST", body });

function inPieces(bytes: Uint8Array, size: number): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (let from = 0; from < bytes.length; from += size) controller.enqueue(bytes.slice(from, from + size));
      controller.close();
    },
  });
}

test.each([1, 2, 3, 5, 100])("a text is the same in pieces of %i bytes", async (size) => {
  for (const text of ["", "a", "äöü€😀", "€".repeat(40)]) expect(await readText(post(inPieces(new TextEncoder().encode(text), size)), 1000)).toBe(text);
});

test("bytes that are no UTF-8 are refused in one piece and in several, and spoil no later text", async () => {
  for (const bytes of [[0xff], [0x61, 0xc3], [0xe2, 0x82], [0xf0, 0x9f, 0x98], [0xc3, 0x61, 0x62]]) {
    for (const size of [1, 10]) {
      await expect(readText(post(inPieces(new Uint8Array(bytes), size)), 100)).rejects.toThrow("The body is not UTF-8.");
      expect(await readText(post("ü"), 100)).toBe("ü");
    }
  }
});

test("of a text in pieces no more than the limit is taken", async () => {
  await expect(readText(post(inPieces(new Uint8Array(11), 2)), 10)).rejects.toThrow("The body may have at most 10 bytes.");
});

test("a body is not asked for its end once it has its announced length", async () => {
  let pulls = 0;
  const pieces = ["ab", "cd", "e"];
  const pull = (controller: ReadableStreamDefaultController) => controller.enqueue(new TextEncoder().encode(pieces[pulls++] ?? "beyond"));
  const body = new ReadableStream({ pull }, { highWaterMark: 0 });
  const request = new Request("https://jobyard.test/", { method: "POST", body, headers: { "content-length": "5" } });
  expect(await readText(request, 100)).toBe("abcde");
  expect(pulls).toBe(3);
});
