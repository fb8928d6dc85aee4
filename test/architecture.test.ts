import { existsSync, globSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, test } from "vitest";

const src = resolve(import.meta.dirname, "../src");

interface Import {
  /** Paths from src/, without extension: `queue/send`. */
  from: string;
  /** A path from src/ when it is ours, else the package's name. */
  to: string;
  ours: boolean;
}

const files = globSync("**/*.{ts,tsx}", { cwd: src })
  .map((file) => file.replaceAll("\\", "/"))
  .filter((file) => !file.endsWith(".d.ts"));
const texts = new Map(files.map((file) => [nameOf(file), readFileSync(join(src, file), "utf8")]));
const imports = [...texts].flatMap(([from, text]) => importsOf(from, text));
const inside = imports.filter(({ ours }) => ours);
const withTypes = [...texts].flatMap(([from, text]) => typesToo(from, text)).filter(({ ours }) => ours);

describe("a file finds all imports of values", () => {
  const found = (text: string) => importsOf("jobs/email/run", text).map(({ to }) => to);

  test.each([
    ['import { a } from "../../queue/job";', ["queue/job"]],
    ['import {\n  a,\n  type B,\n} from "../../queue/job";', ["queue/job"]],
    ['import * as v from "valibot";', ["valibot"]],
    ['import { checkX } from "@scope/name/deep";', ["@scope/name"]],
    ['import "./side";', ["jobs/email/side"]],
    ['export { Gate } from "../../tenants/gate";', ["tenants/gate"]],
    ['export * from "../../errors";', ["errors"]],
    ['const late = await import("../other/run");', ["jobs/other/run"]],
    ['import { jobs } from "..";', ["jobs/index"]],
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

  test("a job imports domain/, the engine's words, leaves, its own folder and another job's job.ts, and nothing else of ours", () => {
    const own = (from: string) => `${dirname(from)}/`;
    const wrong = inside.filter(({ from, to }) => {
      const anotherContract = /^jobs\/[^/]+\/job$/.test(to);
      const allowed = to.startsWith("domain/") || to.startsWith("queue/") || floorOf(to) === leaf || to.startsWith(own(from)) || anotherContract;
      return isJobModule(from) && !allowed;
    });
    expect(wrong).toEqual([]);
  });

  test("a contract (job.ts) never imports a run.ts: whoever enqueues a job does not carry its behaviour", () => {
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

  test("errors.ts imports nothing: everybody imports it", () => {
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
    "domain/events/retention": ["jobs"],
    "domain/gates/queries": ["jobs", "parked", "parked_gates"],
    "domain/replays/outcomes": ["jobs"],
    "domain/report/queries": ["dead_letters"],
    "domain/shop/sync/bulk-parts": ["jobs"],
    "domain/subscriptions/ended": ["ended_jobs", "jobs"],
  };
  /** Columns of `jobs j` that these may name. */
  const columns = ["tenant", "id", "type", "state", "ended", "cancel", "reason", "result", "entities"];
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

  test("of Node are used by nobody: this runs on Workers", () => {
    expect(imports.filter(({ to }) => to.startsWith("node:"))).toEqual([]);
  });
});

describe("hostile input is bounded before it is believed", () => {
  const bounded = "queue/bounded";

  test("lists, records, patterns and lengths in schemas come from queue/bounded: valibot's own look inside before they look at the size", () => {
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

describe("size and shape", () => {
  test("index.ts wires and decides nothing: 30 lines at most", () => {
    expect(lines("index")).toBeLessThanOrEqual(30);
  });

  test("no file is longer than 250 lines: a noun is hiding in it", () => {
    const long = [...texts.keys()].filter((file) => lines(file) > 250).map((file) => `${file}: ${lines(file)}`);
    expect(long).toEqual([]);
  });

  test("no file or folder is named for having no name", () => {
    const vague = /^(utils?|helpers?|managers?|services?|common|misc|shared)$|(util|helper|manager|service)s?$/i;
    const parts = [...texts.keys()].flatMap((file) => file.split("/").map((part) => ({ file, part })));
    expect(parts.filter(({ part }) => vague.test(part))).toEqual([]);
  });

  test("names are lower case, their words joined by hyphens", () => {
    expect(files.filter((file) => !/^(?:[a-z0-9-]+\/)*[a-z0-9-]+\.tsx?$/.test(file))).toEqual([]);
  });
});

describe("one language", () => {
  const refused = (pattern: RegExp) => [...texts].flatMap(([file, text]) => matchesOf(file, text, pattern));

  test("bounds begin with max or min", () => {
    expect(refused(/\bconst (?:most|longest|largest|deepest|least|fewest|shortest|smallest)[A-Z]\w* = \d/g)).toEqual([]);
    expect(refused(/\b(?:most|least)\??: number\b/g)).toEqual([]);
  });

  test("words that others replaced are gone", () => {
    const retired = `
      SiteData ShopDoor VisitContext failedVisit isVisit findDoor admitSender refusedAtDoor readHint samenessOf
      leadVerdict HookParts SealedHook needlesOf namesAny vacate clearLeaving wholeList parseFlaw renderFlaw syntaxFlaw
      layoutFlaw keyFlaw numberFlaw messageFault headersFault headerFault mailServerFault mailFaults faultsOf
      schemeFault hostFault portFault cronFault takeLead writeAgain keepEvent fanOut MediaParts OperationParts
      CampaignParts EndedParts MailParts ModelsParts LeadParts IntakeParts TickParts GateParts ReportParts EngineParts
      CapabilityParts CampaignDoor AccessDoor isZone TurnstileVerdict
      verdictOn tellAfterBatches touchSql onCall CallClass settleDoubt discreetReason Verdict pulse insist
      Patience Needle longestDelay SaidOutcome SaidFact CampaignSetting samplesIn statesIn replaysIn factsIn templatesIn`
      .trim()
      .split(/\s+/);
    expect(refused(new RegExp(`\\b(?:${retired.join("|")})\\b`, "g"))).toEqual([]);
  });

  test("a function's name has one meaning: none that tells nothing of its noun is defined twice", () => {
    const vague = /\bfunction (keyOf|viewOf|nameOf|requestOf|refusal|decoded|escaped|judge|verdictOf)\b/g;
    const defined = [...texts].flatMap(([file, text]) => [...text.matchAll(vague)].map(([, name = ""]) => ({ name, file })));
    const twice = [...Map.groupBy(defined, ({ name }) => name)].filter(([, places]) => places.length > 1);
    expect(twice).toEqual([]);
  });

  test("comments name who acts: whoever, nobody, somebody and mates are in none", () => {
    const riddle = /^\s*(?:\/\/|\/?\*).*\b(?:whoever|nobody|somebody|everybody|anybody|mates)\b/gim;
    expect([...texts].flatMap(([file, text]) => [...text.matchAll(riddle)].map(([line]) => `${file}: ${line.trim()}`))).toEqual([]);
  });

  test("a behaviour is run and the name of its type", () => {
    const list = texts.get("jobs/index") ?? "";
    const runs = [...list.matchAll(/import \{ (\w+) \} from "\.\/([a-z-]+)\/run"/g)];
    const expected = (type = "") => `run${type.replaceAll(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase())}`;
    expect(runs.filter(([, name, type]) => name !== expected(type)).map(([statement]) => statement)).toEqual([]);
  });
});

describe("a job is one folder and one line", () => {
  const list = texts.get("jobs/index") ?? "";
  const folders = readdirSync(join(src, "jobs"), { withFileTypes: true }).filter((entry) => entry.isDirectory());

  test.each(folders.map(({ name }) => name))("%s has job.ts, run.ts unless it runs outside, and its line in the list", (name) => {
    expect(existsSync(join(src, "jobs", name, "job.ts"))).toBe(true);
    expect(list).toContain(`from "./${name}/job"`);
    const isRemote = /\bremote: true\b/.test(texts.get(`jobs/${name}/job`) ?? "");
    expect(existsSync(join(src, "jobs", name, "run.ts"))).toBe(!isRemote);
    expect(list.includes(`from "./${name}/run"`)).toBe(!isRemote);
  });

  test("the list has a line for each folder and no more", () => {
    expect(list.match(/\bjob\(\w+, \w+\)|\bremoteJob\(\w+\)/g)).toHaveLength(folders.length);
  });

  test.each(folders.map(({ name }) => name))("the folder %s is named as its type", (name) => {
    expect(texts.get(`jobs/${name}/job`)).toContain(`type: "${name}"`);
  });
});

/** What drives the engine, as against its words: only index.ts and the composition root call these. */
const drivers = new Set(
  ["consume", "execute", "execution", "settler", "settle", "sweep", "disposition", "claim", "bury", "backstop", "context", "send"].map(
    (name) => `queue/${name}`,
  ),
);

/** From below. What is in none of these folders is a leaf; so are the files of src/ itself, but for index.ts. */
const floors = [["queue"], ["providers", "ledger"], ["tenants"], ["domain"], ["jobs"], ["intake"], ["dashboard"], ["app", "index"]];
const leaf = 0;
const top = floors.length;

function floorOf(file: string): number {
  return floors.findIndex((folders) => folders.includes(file.split("/")[0] ?? "")) + 1;
}

function strays(folder: string, allowed: (to: string) => boolean): Import[] {
  return inside.filter(({ from, to }) => from.startsWith(folder) && !allowed(to));
}

function matchesOf(file: string, text: string, pattern: RegExp): string[] {
  return [...withoutComments(text).matchAll(pattern)].map(([match]) => `${file}: ${match}`);
}

function isJobModule(file: string): boolean {
  return /^jobs\/[^/]+\//.test(file);
}

function mayTouchBindings(file: string): boolean {
  const isDurableObject = /\bextends DurableObject\b/.test(texts.get(file) ?? "");
  return file === "index" || file === "app" || file.startsWith("app/") || isDurableObject;
}

function lines(file: string): number {
  return (texts.get(file) ?? "").trimEnd().split("\n").length;
}

/** Each round trip of imports once, as the path of its files. */
function cycles(edges: readonly Import[]): string[] {
  const next = Map.groupBy(edges, ({ from }) => from);
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) found.push([...path.slice(path.indexOf(file)), file].join(" → "));
    if (done.has(file) || path.includes(file)) return;
    for (const { to } of next.get(file) ?? []) visit(to, [...path, file]);
    done.add(file);
  };
  for (const file of texts.keys()) visit(file, []);
  return found;
}

function importsOf(from: string, text: string): Import[] {
  const code = withoutComments(text);
  const statements = [...code.matchAll(/^(?:import|export)\s+(?!type\b)([\w*{][^"'`;]*?\bfrom\s*)?"([^"]+)"/gm)];
  const statically = statements.filter(([, names]) => !hasOnlyTypes(names)).map(([, , target]) => target);
  const dynamically = [...code.matchAll(/(?:\bawait|=>|\breturn|\()\s*import\(\s*"([^"]+)"/g)].map(([, target]) => target);
  return [...statically, ...dynamically].filter((target) => target !== undefined).map((target) => targetOf(from, target));
}

/** All imports at the top of a file, those of types included. */
function typesToo(from: string, text: string): Import[] {
  const statements = withoutComments(text).matchAll(/^(?:import|export)\s+(?:[^"'`;]*?\bfrom\s*)?"([^"]+)"/gm);
  return [...statements].map(([, target]) => targetOf(from, target ?? ""));
}

function hasOnlyTypes(names: string | undefined): boolean {
  const listed = /^\{([^}]*)\}/.exec(names ?? "")?.[1];
  if (listed === undefined) return false;
  const specifiers = listed
    .split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "");
  return specifiers.every((each) => each.startsWith("type "));
}

function targetOf(from: string, target: string): Import {
  if (!target.startsWith(".")) return { from, to: target.startsWith("@") ? target.split("/", 2).join("/") : (target.split("/")[0] ?? target), ours: false };
  const path = relative(src, resolve(src, dirname(from), target)).replaceAll("\\", "/");
  const isFolder = !texts.has(path) && existsSync(join(src, path));
  return { from, to: isFolder ? `${path}/index` : path, ours: true };
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/^\s*\/\/.*$/gm, "");
}

function nameOf(file: string): string {
  return file.replace(/\.tsx?$/, "");
}
