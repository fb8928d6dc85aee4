import { dirname } from "node:path";
import { describe, expect, test } from "vitest";
import { unusedExports } from "./support/exports.ts";
import {
  type Import,
  files,
  texts,
  imports,
  inside,
  withTypes,
  drivers,
  leaf,
  top,
  floorOf,
  strays,
  matchesOf,
  isJobModule,
  mayTouchBindings,
  cycles,
  importsOf,
  withoutComments,
} from "./support/sources.ts";

describe("a file finds all imports of values", () => {
  const found = (text: string) => importsOf("jobs/email/run", text).map(({ to }) => to);

  test.each([
    ['import { a } from "../../queue/job";', ["queue/job"]],
    ['import {\n  a,\n  type B,\n} from "../../queue/job";', ["queue/job"]],
    ['import * as v from "valibot";', ["valibot"]],
    ['import { checkX } from "@scope/name/deep";', ["@scope/name"]],
    ['import "./side";', ["jobs/email/side"]],
    ['import X from "../../../node_modules/name/dist/X.js";', ["name"]],
    ['export { Gate } from "../../tenants/gate";', ["tenants/gate"]],
    ['export * from "../../errors";', ["errors"]],
    ['const late = await import("../other/run");', ["jobs/other/run"]],
    ['import { jobs } from "..";', ["jobs/index"]],
    ['routes.all("/trpc/*", async () => (await import("../other/run")).run());\n/** A comment. */', ["jobs/other/run"]],
  ])("%s", (text, expected) => expect(found(text)).toEqual(expected));

  test.each([
    'import type { A } from "../../queue/job";',
    'import { type A, type B } from "../../queue/job";',
    'import {\n  type A,\n  type B,\n} from "../../queue/job";',
    'export type { A } from "../../queue/job";',
    'declare module "../../queue/job" {}',
    '// import { a } from "../../queue/job";',
    'type A = import("../../queue/job").A;',
  ])("and passes over types: %s", (text) => expect(found(text)).toEqual([]));
});

describe("the direction of dependency", () => {
  test("every import of ours leads to a file that is there", () => {
    expect(inside.filter(({ to }) => !texts.has(to))).toEqual([]);
    expect(inside.length).toBeGreaterThan(files.length);
  });

  test("an import goes down: app · dashboard · intake · jobs · domain · tenants · providers, ledger · queue · leaves; of types too, but for the bindings' in env.ts", () => {
    expect(withTypes.filter(({ from, to }) => floorOf(to) > floorOf(from) && from !== "env")).toEqual([]);
  });

  test("two folders of one floor do not import each other", () => {
    const folder = (file: string) => file.split("/")[0];
    const level = ({ from, to }: Import) => floorOf(from) === floorOf(to) && floorOf(from) > leaf && floorOf(from) < top && folder(from) !== folder(to);
    expect(inside.filter(level)).toEqual([]);
  });

  test("queue/ imports nothing of ours but itself and leaves", () => {
    expect(strays("queue/", (to) => to.startsWith("queue/") || floorOf(to) === leaf)).toEqual([]);
  });

  test("queue/ imports no package but the validator: no platform, no router, no vendor", () => {
    expect(imports.filter(({ from, to, ours }) => from.startsWith("queue/") && !ours && to !== "valibot")).toEqual([]);
  });

  test("the folders of queue/ import each other in no circle, not even by way of a file at its top", () => {
    const folderOf = (file: string) => file.split("/").slice(0, 2).join("/");
    const between = inside
      .filter(({ from, to }) => from.startsWith("queue/") && to.startsWith("queue/"))
      .map(({ from, to, ours }) => ({ from: folderOf(from), to: folderOf(to), ours }))
      .filter(({ from, to }) => from !== to);
    expect(between.length).toBeGreaterThan(100);
    expect(cycles(between)).toEqual([]);
  });

  test("a job imports domain/, the engine's words, leaves, its own folder and another job's job.ts, and nothing else of ours", () => {
    const own = (from: string) => `${dirname(from)}/`;
    const wrong = inside.filter(({ from, to }) => {
      const anotherContract = /^jobs\/[^/]+\/job$/.test(to);
      const allowed = to.startsWith("domain/") || to.startsWith("queue/") || floorOf(to) === leaf || to.startsWith(own(from)) || anotherContract;
      return isJobModule(from) && !allowed;
    });
    expect(wrong).toEqual([]);
  });

  test("a contract (job.ts) never imports a run.ts: code that enqueues a job does not load its behaviour", () => {
    expect(inside.filter(({ from, to }) => /^jobs\/[^/]+\/job$/.test(from) && to.endsWith("/run"))).toEqual([]);
  });

  test("only the list imports a run.ts", () => {
    expect(inside.filter(({ from, to }) => /^jobs\/.*\/run$/.test(to) && from !== "jobs/index")).toEqual([]);
  });

  test("domain/ imports of providers only their types", () => {
    expect(strays("domain/", (to) => !to.startsWith("providers/"))).toEqual([]);
  });

  test("tenants/ imports no provider and nothing of the ledger", () => {
    expect(strays("tenants/", (to) => !to.startsWith("providers/") && !to.startsWith("ledger/"))).toEqual([]);
  });

  test.each(["intake/", "dashboard/"])(
    "%s imports contracts, domain, tenants, ledger and the engine's words; no behaviour, provider or composition",
    (folder) => {
      const closed = (to: string) =>
        to.startsWith("providers/") || to.startsWith("app/") || /^jobs\/.*\/run$/.test(to) || to === "jobs/index" || drivers.has(to);
      expect(inside.filter(({ from, to }) => from.startsWith(folder) && closed(to))).toEqual([]);
    },
  );

  test.each(["intake/", "dashboard/"])("nothing but index.ts and the composition root imports %s", (folder) => {
    const wires = (from: string) => from === "index" || from.startsWith("app/");
    expect(inside.filter(({ from, to }) => to.startsWith(folder) && !from.startsWith(folder) && !wires(from))).toEqual([]);
  });

  test("nothing but index.ts imports the composition root", () => {
    expect(inside.filter(({ from, to }) => to.startsWith("app/") && !from.startsWith("app/") && from !== "index")).toEqual([]);
  });

  test("errors.ts imports nothing: all layers import it", () => {
    expect(imports.filter(({ from }) => from === "errors")).toEqual([]);
  });

  test("no file imports itself, however long the way round, types included", () => {
    expect(cycles(inside)).toEqual([]);
    expect(cycles(withTypes)).toEqual([]);
  });
});

describe("a domain folder has one pattern", () => {
  const inDomain = files.filter((file) => file.startsWith("domain/"));

  test("domain/ holds folders, one for each noun, and the shop's folders one level below", () => {
    expect(inDomain.filter((file) => !/^domain\/(?:shop\/)?[a-z-]+\/[a-z0-9-]+\.ts$/.test(file))).toEqual([]);
  });

  test("types are in model.ts, writes in store.ts, reads in queries.ts, what runs are handed in capability.ts: no other word stands for one of these", () => {
    const other = /^(?:types?|schemas?|entit(?:y|ies)-types?|read|reads|reader|views?|repository|repo|db|sql|rules|index|logic|functions)$/;
    const named = (file: string) => ({ folder: dirname(file).split("/").at(-1) ?? "", name: (file.split("/").at(-1) ?? "").replace(".ts", "") });
    const wrong = inDomain.filter((file) => {
      const { folder, name } = named(file);
      return other.test(name) || name === folder || `${name}s` === folder;
    });
    expect(wrong).toEqual([]);
  });
});

describe("rows of the ledger are the ledger's", () => {
  /** What domain/ may join: files, and the tables they name. All else asks a function of src/ledger/. */
  const readers: Record<string, readonly string[]> = {
    "domain/agents/erase": ["jobs"],
    "domain/agents/queries": ["jobs"],
    "domain/agents/store": ["audit", "jobs"],
    "domain/alerts/queries": ["dead_letters", "jobs"],
    "domain/campaigns/queries": ["jobs"],
    "domain/campaigns/trouble": ["jobs"],
    "domain/events/retention": ["jobs"],
    "domain/gates/queries": ["jobs", "parked", "parked_gates"],
    "domain/replays/store": ["jobs"],
    "domain/report/queries": ["dead_letters"],
    "domain/shop/sync/bulk-parts": ["jobs"],
    "domain/subscriptions/ended": ["ended_jobs", "jobs"],
  };
  /** Columns of `jobs j` that these may name. */
  const columns = ["tenant", "id", "type", "state", "attempt", "due", "started", "ended", "cancel", "reason", "result", "entities"];
  const tables =
    /\b(?:FROM|JOIN|INTO|UPDATE)\s+(jobs|effects|history|dead_letters|entities|arrivals|due|due_by_tenant|parked|parked_gates|counters|pauses|ticks|ended_jobs|audit)\b/g;

  test("a file outside names only the tables that it is listed with", () => {
    const named = [...texts]
      .filter(([file]) => !file.startsWith("ledger/"))
      .map(([file, text]) => [file, [...new Set([...withoutComments(text).matchAll(tables)].map(([, table]) => table ?? ""))].toSorted()] as const)
      .filter(([, found]) => found.length > 0);
    expect(Object.fromEntries(named)).toEqual(readers);
  });

  test("and of jobs, as j, only the columns that say how a job stands", () => {
    const texted = Object.keys(readers).map((file) => [file, withoutComments(texts.get(file) ?? "")] as const);
    expect(texted.flatMap(([file, text]) => matchesOf(file, text, /\b(?:FROM|JOIN)\s+jobs\b(?! j\b)/g))).toEqual([]);
    const used = texted.flatMap(([file, text]) => [...text.matchAll(/\bj\.(\w+)/g)].map(([, column]) => ({ file, column: column ?? "" })));
    expect(used.filter(({ column }) => !columns.includes(column))).toEqual([]);
  });

  test("app/ has no SQL: it wires", () => {
    const sql = /\.prepare\(|\b(?:SELECT|INSERT INTO|DELETE FROM|UPDATE) /g;
    expect([...texts].filter(([file]) => file.startsWith("app/")).flatMap(([file, text]) => matchesOf(file, text, sql))).toEqual([]);
  });
});

describe("bindings", () => {
  test("are touched by the composition root, Durable Objects and index.ts only", () => {
    const touching = [...texts].filter(([, text]) =>
      /\benv\s*(?:\.\s*[A-Z][A-Z0-9_]*|\[)|\{[^{}]*\benv\b[^{}]*\}\s*from\s*"cloudflare:workers"/.test(withoutComments(text)),
    );
    expect(touching.map(([file]) => file).filter((file) => !mayTouchBindings(file))).toEqual([]);
  });

  test("and whatever else the runtime offers as a module is imported there only", () => {
    expect(imports.filter(({ from, to }) => to.startsWith("cloudflare:") && !mayTouchBindings(from))).toEqual([]);
  });

  test("of Node are not used: the code runs on Workers", () => {
    expect(imports.filter(({ to }) => to.startsWith("node:"))).toEqual([]);
  });
});

describe("hostile input is bounded before it is believed", () => {
  const bounded = "bounded";

  test("lists, records, patterns and lengths in schemas come from bounded.ts: valibot's own look inside before they look at the size", () => {
    const bare =
      /\bv\.(?:array|tuple\w*|map|set|record|regex|(?:max|not)?(?:length|entries|graphemes|bytes|words|size)|email|rfcEmail|emoji|domain|slug|partialCheck|forward|(?:every|some)Item)\(/gi;
    const found = [...texts].filter(([file]) => file !== bounded).flatMap(([file, text]) => matchesOf(file, text, bare));
    expect(found).toEqual([]);
  });

  test("a text in a pipe that checks it has a bound: boundedText instead of v.string", () => {
    const unbounded = /\bv\.pipe\(\s*v\.string\([^()]*\),\s*v\.(?!description|metadata|title|examples)\w+/g;
    expect([...texts].flatMap(([file, text]) => matchesOf(file, text, unbounded))).toEqual([]);
  });
});

test("what a file exports another file imports", () => {
  const { unused, total } = unusedExports();
  expect(total).toBeGreaterThan(2000);
  expect(unused).toEqual([]);
});
