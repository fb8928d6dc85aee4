import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "..");
const page = readFileSync(join(root, "docs/events.md"), "utf8");
/** By name only: the Worker's sources are checked with the runtime's types, which those of Node contradict. */
const load = async <Module>(path: string): Promise<Module> => (await import(/* @vite-ignore */ `../src/${path}.ts`)) as Module;
const folder = mkdtempSync(join(tmpdir(), "jobyard-events-"));
afterAll(() => existsSync(folder) && rmSync(folder, { recursive: true }));

interface Destinations {
  builtIn: Record<string, { events: string[]; connection: string | null }>;
}

type Sign = (secrets: string[], id: string, body: string, now: number) => Promise<Record<string, string>>;
type Verify = (secret: string, headers: Record<string, string>, body: string) => boolean;

test("every type of the catalogue is on its page", async () => {
  const { eventTypes } = await load<{ eventTypes: string[] }>("domain/events/catalogue");
  const listed = [...page.matchAll(/^\| (`[a-z_.]+`(?:, `[a-z_.]+`)*) \| /gm)].flatMap(([, cell = ""]) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, type]) => type),
  );
  expect(eventTypes.filter((type) => !listed.includes(type))).toEqual([]);
});

test("the page's destinations are those of the code, with what they take and need", async () => {
  const { builtIn } = await load<Destinations>("domain/destinations/model");
  const lines = [...page.matchAll(/^\| `([a-z-]+)` \| (.+?) \| (connection `[a-z]+`)? ?\| /gm)];
  const found = lines.map(([, name = "", , needs]) => [name, needs ?? ""]);
  expect(found).toEqual(Object.entries(builtIn).map(([name, { connection }]) => [name, connection === null ? "" : `connection \`${connection}\``]));
  for (const [, name = "", takes = ""] of lines) {
    const unnamed = builtIn[name]?.events.filter((type) => !takes.includes(`\`${type}\``));
    if (name !== "store") expect(unnamed).toEqual([]);
  }
});

test("the receiver on the page accepts what we sign, and nothing else", async () => {
  const code = /```js\n([\s\S]*?)```/.exec(page)?.[1] ?? "";
  writeFileSync(join(folder, "verify.mjs"), code);
  const { verify } = (await import(/* @vite-ignore */ pathToFileURL(join(folder, "verify.mjs")).href)) as { verify: Verify };
  const { sign } = await load<{ sign: Sign }>("standard-webhooks");
  const [secret, other] = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"];
  const body = '{"id":"evt-1","name":"Žofie"}';
  const good = await sign([secret], "msg-1", body, Date.now());
  const late = await sign([secret], "msg-1", body, Date.now() - 301_000);
  const both = await sign([other, secret], "msg-1", body, Date.now());
  expect([verify(secret, good, body), verify(secret, both, body), verify(other, both, body)]).toEqual([true, true, true]);
  const wrong = [
    verify(other, good, body),
    verify(secret, good, `${body} `),
    verify(secret, late, body),
    verify(secret, { ...good, "webhook-id": "msg-2" }, body),
    verify(secret, {}, body),
  ];
  expect(wrong).toEqual(wrong.map(() => false));
});
