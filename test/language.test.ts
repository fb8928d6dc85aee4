import { existsSync, globSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { read, root } from "./support/pinned.ts";
import { src, files, texts, matchesOf, lines } from "./support/sources.ts";

/** Words that hide who acts, or that make a person of code. */
const personal = "whoever|nobody|somebody|everybody|anybody|mates|told|knows|wants|hopes|speaks|vouches|a say|patience|mended|burns?|hears?|heard|believes?";

/** What stands beside src/, with its text. */
const beside = globSync("{test,scripts,clients}/**/*.{ts,tsx,mjs}", { cwd: root, exclude: (path) => path.endsWith("node_modules") }).map(
  (file) => [file, read(file)] as const,
);

describe("size and shape", () => {
  test("index.ts wires and decides nothing: 30 lines at most", () => {
    expect(lines("index")).toBeLessThanOrEqual(30);
  });

  test("no file is longer than 250 lines: a noun is hiding in it", () => {
    const long = [...texts.keys()].filter((file) => lines(file) > 250).map((file) => `${file}: ${lines(file)}`);
    expect(long).toEqual([]);
  });

  test("no function is longer than 55 lines, its closures included", () => {
    const functions = [...texts].flatMap(([file, text]) =>
      [...text.matchAll(/^(?:export )?(?:async )?function\*? (\w+)[^]*?^\}/gm)].map(([body, name]) => ({ file, name, body })),
    );
    expect(functions.length).toBeGreaterThan(2000);
    expect(functions.filter(({ body }) => body.split("\n").length > 55).map(({ file, name }) => `${file}: ${name}`)).toEqual([]);
  });

  test("no file or folder is named for having no name", () => {
    const vague = /^(utils?|helpers?|managers?|services?|common|misc|shared)$|(util|helper|manager|service)s?$/i;
    const parts = [...texts.keys()].flatMap((file) => file.split("/").map((part) => ({ file, part })));
    expect(parts.filter(({ part }) => vague.test(part))).toEqual([]);
  });

  test("names are lower case, their words joined by hyphens", () => {
    const tests = globSync("**/*.{ts,tsx}", { cwd: join(root, "test") });
    expect(tests.length).toBeGreaterThan(400);
    const own = /^(?:[a-z0-9-]+\/)*[a-z0-9-]+(?:\.(?:test|d))?\.tsx?$/;
    expect([...files.filter((file) => !/^(?:[a-z0-9-]+\/)*[a-z0-9-]+\.tsx?$/.test(file)), ...tests.filter((file) => !own.test(file))]).toEqual([]);
  });

  test("tests of a domain lie in the folder of their noun", () => {
    const nouns = readdirSync(join(src, "domain"));
    expect(readdirSync(join(root, "test/domain")).filter((name) => !nouns.includes(name))).toEqual([]);
  });
});

describe("one language", () => {
  const refused = (pattern: RegExp) => [...texts].flatMap(([file, text]) => matchesOf(file, text, pattern));

  test("bounds begin with max or min", () => {
    expect(refused(/\bconst (?:most|longest|largest|deepest|least|fewest|shortest|smallest)(?:[A-Z]\w*)? = \d/g)).toEqual([]);
    expect(refused(/\b(?:most|least)\??: number\b/g)).toEqual([]);
    expect(refused(/\bconst (?:longest|least|most|\w+At(?:Most|Least)|(?:time|size)Limit) = /g)).toEqual([]);
  });

  test("a time has its unit in its name: none that is written in minutes, hours or days is without Ms", () => {
    expect(refused(/\bconst (?!\w*Ms\b)\w+ = (?:[\d_.]+ \* )*(?:60_000|3_600_000|86_400_000|minuteMs|hourMs|dayMs);/g)).toEqual([]);
    expect(refused(/\bconst \w*(?:[mM]inute|[hH]our|[dD]ay) = [\d_]+;/g)).toEqual([]);
  });

  test("a minute, an hour and a day are written as numbers once, in time/day.ts; elsewhere by name", () => {
    const written = [...texts]
      .filter(([file]) => file !== "time/day")
      .flatMap(([file, text]) =>
        matchesOf(file, text, /(?<![\w.])(?:\d* ?\* ?)?(?:3_?600_000|86_400(?:_000)?|24 \* 3600)(?!\w)|\d \* 60_000(?!\w)|[+-] 60_000(?!\w)/g),
      );
    expect(written).toEqual([]);
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
      Patience Needle longestDelay SaidOutcome SaidFact CampaignSetting samplesIn statesIn replaysIn factsIn templatesIn
      TurnMark turnMark lastTurn takeTurn tenantsInTurn maxTurnMs ReplayTurn BulkTurn createTurns renderInTurn askInTurn maxRunsTold maxTold
      stateFits untoldSql shownOf`
      .trim()
      .split(/\s+/);
    expect(refused(new RegExp(`\\b(?:${retired.join("|")})\\b`, "g"))).toEqual([]);
  });

  test("no name is a bare participle that a reader has to guess", () => {
    const vague = "shown|said|told|asked|wanted|textOf|Asked|Wanted|Told|Shown";
    expect(refused(new RegExp(`\\b(?:const|let|function|type|interface|class) (?:${vague})\\b`, "g"))).toEqual([]);
    const participle = /(?<=[({,.[;] ?|^ *|(?:async|private|readonly) )\b(?:said|told|tell|asked|says)\b(?= ?(?:[:,)=?.;\]]|=>))/gm;
    expect(refused(participle)).toEqual([]);
    const declared = /\b(?:const|let|function|type|interface|class) (?:said|told|tell|asked|says|nobody|mended|patience|Said|Asked|Told|Says)\b/g;
    expect(beside.flatMap(([file, text]) => [participle, declared].flatMap((pattern) => matchesOf(file, text, pattern)))).toEqual([]);
  });

  test("a function that acts is named by a verb: none has one of these participles", () => {
    const participles = "taken|suppressed|written|audited|decided|seen|enqueued|mailed|reclaimed|released|approved";
    expect(refused(new RegExp(`\\bfunction (?:${participles})\\b`, "g"))).toEqual([]);
  });

  test("a turn is the release in turns: the word names nothing outside queue/tick", () => {
    const turns = [...texts].filter(([file]) => !file.startsWith("queue/tick/"));
    expect(turns.flatMap(([file, text]) => matchesOf(file, text, /\b(?:const|let|function|type|interface|class) (?:turns?|Turns?)\b/g))).toEqual([]);
  });

  test("a function's name has one meaning: none that tells nothing of its noun is defined twice", () => {
    const names =
      "keyOf|viewOf|nameOf|requestOf|refusal|decoded|escaped|judge|verdictOf|rowOf|pageOf|resultOf|addressOf|kindOf|outcomeOf|reasonOf|refusalOf|fieldsOf";
    const vague = new RegExp(`\\bfunction (${names})\\b`, "g");
    const defined = [...texts].flatMap(([file, text]) => [...text.matchAll(vague)].map(([, name = ""]) => ({ name, file })));
    const twice = [...Map.groupBy(defined, ({ name }) => name)].filter(([, places]) => places.length > 1);
    expect(twice).toEqual([]);
  });

  test("an exported type's name has one meaning; what the interfaces answer is described twice, in files that stand alone", () => {
    const standAlone = new Set(["dashboard/answers", "intake/trpc/router"]);
    const exported = [...texts].filter(([file]) => !standAlone.has(file));
    const types = exported.flatMap(([file, text]) =>
      [...text.matchAll(/^export (?:declare )?(?:abstract )?(?:type|interface|class|enum) (\w+)/gm)].map(([, name = ""]) => ({ name, file })),
    );
    expect([...Map.groupBy(types, ({ name }) => name)].filter(([, places]) => places.length > 1)).toEqual([]);
  });

  test("the name of an exported function or value has one meaning; only verbs of the ledger are also those of its callers", () => {
    const verbs = ["beat", "bringBack", "cancel", "claim", "claimAlone", "release", "settle"];
    const exported = [...texts].flatMap(([file, text]) =>
      [...text.matchAll(/^export (?:async )?(?:function\*?|const) (\w+)/gm)].map(([, name = ""]) => ({ name, file })),
    );
    expect(exported.length).toBeGreaterThan(1500);
    const twice = [...Map.groupBy(exported, ({ name }) => name)].filter(([, places]) => places.length > 1);
    expect(twice.filter(([name, places]) => !verbs.includes(name) || places.length > 2 || !places.some(({ file }) => file.startsWith("ledger/")))).toEqual([]);
    expect(twice.map(([name]) => name).toSorted()).toEqual(verbs);
  });

  test("comments name who acts and give code no voice: none has one of the refused words", () => {
    const line = new RegExp(`^\\s*(?://|/?\\*).*\\b(?:${personal})\\b`, "gim");
    const all = [...texts, ...beside];
    expect(all.length).toBeGreaterThan(1000);
    expect(all.flatMap(([file, text]) => [...text.matchAll(line)].map(([found]) => `${file}: ${found.trim()}`))).toEqual([]);
  });

  test("code does not speak: no comment has say, says or said", () => {
    const spoken = [...texts, ...beside]
      .flatMap(([file, text]) => comments(text).map((comment) => `${file}: ${comment}`))
      .filter((each) => /: .*\b(?:says?|said)\b/i.test(each));
    expect(spoken).toEqual([]);
  });

  test("a comment names its subject: none begins with a pronoun or with of", () => {
    const first = [...texts].flatMap(([file, text]) => comments(text).map((comment) => `${file}: ${comment.replace(/^\* /, "")}`));
    expect(first.filter((comment) => /: (?:Of|Its|They|Theirs|Whose) /.test(comment))).toEqual([]);
  });

  test("titles of tests name who acts and what happens: none has one of the refused words", () => {
    const titles = globSync("test/**/*.test.{ts,tsx}", { cwd: root }).flatMap((file) => titlesOf(read(file)).map((title) => `${file}: ${title}`));
    expect(titles.length).toBeGreaterThan(2000);
    expect(titles.filter((title) => new RegExp(`: .*\\b(?:${personal})\\b`, "i").test(title))).toEqual([]);
  });

  test("no sentence of a comment has more than 30 words", () => {
    const sentences = [...texts].flatMap(([file, text]) =>
      comments(text).flatMap((comment) => comment.split(/(?<=[.:] -|[.!?]) /).map((sentence) => `${file}: ${sentence}`)),
    );
    expect(sentences.length).toBeGreaterThan(2000);
    expect(sentences.filter((sentence) => sentence.split(" ").length > 31)).toEqual([]);
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

/** The comments of a file, each on one line: blocks, and lines that follow each other. */
function comments(text: string): string[] {
  const blocks = text.matchAll(/^ *\/\*[^]*?\*\/|(?:^ *\/\/.*\n)+/gm);
  return [...blocks].map(([block]) =>
    block
      .replaceAll(/^ *(?:\/\*+|\/\/|\*\/?)|\*\/$/gm, "")
      .replaceAll(/\s+/g, " ")
      .trim(),
  );
}

/** The titles in a test file: the first argument of test, it and describe, also after `each`. */
function titlesOf(text: string): string[] {
  const calls = text.matchAll(/(?:\b(?:test|it|describe)(?:\.\w+)*\(|[)`]\()\s*(["'`])((?:\\.|(?!\1)[^\n])*)\1,/g);
  return [...calls].map(([, , title = ""]) => title);
}
