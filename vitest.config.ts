import { globSync, readFileSync } from "node:fs";
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * Four projects: `worker` runs inside the real runtime, `node` drives the whole Worker, the scripts and the browser from outside,
 * `long` and `long-inside` are what `npm run test:all` runs besides: long tests, and those whose size `sized()` or fast-check sets, at full size.
 * Each has its folders; a test is in `node` when it needs processes, files or sockets.
 */
const long = ["test/long/**/*.test.ts"];
/** Long ones that run inside the runtime. */
const longInside = ["test/long/inside/**/*.test.ts"];
/** Files of src/ itself that have tests: these run in the runtime, other tests beside them outside. */
const leaves = "bounded|coalesce|crypto|csv|d1|decimal|fold|group-commit|multipart|outbox|standard-webhooks|trace";
const outside = [
  ...long,
  "test/way/**/*.test.ts",
  "test/browser/**/*.test.ts",
  "test/scripts/**/*.test.ts",
  "test/redis/**/*.test.ts",
  `test/!(${leaves}).test.ts`,
];

/** Tests inside the runtime that look at fewer cases in `npm test` (`test/support/size.ts`). */
const sized = globSync("test/**/*.test.ts", { exclude: outside }).filter((file) => /\bfc\.assert\(|\bsized\(|"\.\/values"/.test(readFileSync(file, "utf8")));

/** Wrangler records no traces: those of each request take a fifth of a story's time. */
const quiet = { WRANGLER_LOG: "error", X_LOCAL_OBSERVABILITY: "false", X_LOCAL_EXPLORER: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false" };

// The secrets of the tests are bindings below, which the check of wrangler.toml does not see.
process.env["WRANGLER_LOG"] ??= "error";

/** itty-router names a source map of files that it does not publish: Vite would warn of each. */
const withoutSourceMap = {
  name: "without-source-map",
  enforce: "pre" as const,
  load: (id: string) => (id.includes("/itty-router/") ? readFileSync(id, "utf8").replace(/\/\/# sourceMappingURL=\S+/, "") : undefined),
};

/** What takes longest, the longest first: begun early, it does not keep the others waiting at the end. What keeps a core busy is begun beside what waits for processes. */
const longestFirst = [
  ...["browser/accessibility", "way/mail", "browser/dashboard", "way/outage", "way/shop", "way/remote", "way/gate", "way/tenants", "way/events"],
  ...["browser/lead-form", "browser/gallery", "scripts/sandbox-shop-client", "way/images", "way/leads", "way/intake", "way/shop-input"],
  ...["way/mail-providers", "redis/import-connect", "scripts/deploy-refusals", "redis/import-faults", "hostile"],
  ...["queue/interleavings", "jobs/campaign-trouble", "domain/mail/render", "jobs/campaign", "jobs/sync-requests", "app/growth", "ledger/retention"],
].map((name) => `/test/${name}.test.ts`);

/** The stories first, which wait for processes more than they compute; then what keeps a core busy, as cores come free. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const known = longestFirst.findIndex((file) => moduleId.endsWith(file));
      return known < 0 ? longestFirst.length : known;
    };
    const project = (file: TestSpecification) => (["node", "long"].includes(file.project.name) ? 0 : 1);
    return files.toSorted((a, b) => project(a) - project(b) || place(a) - place(b) || a.moduleId.localeCompare(b.moduleId));
  }
}

/** What hangs is ended. A test that has to wait waits for the thing itself, so these limits cost nothing where it passes: they allow for a machine that is ten times as slow. */
const unhurried = { testTimeout: 300_000, hookTimeout: 900_000, expect: { poll: { timeout: 60_000 } } };

/** What runs inside the runtime has one for all files of a worker: it spares three quarters of the work. `test/support/anew.ts` empties it between files. */
const inside = {
  isolate: false,
  // Vitest sends an intercepted line of the console as a call and waits for its answer. A line that is written outside of the runner's
  // own request is sent with the next message only, which is the end of the file, which waits for the line: the run never ended.
  disableConsoleIntercept: true,
  ...unhurried,
  setupFiles: ["./test/support/anew.ts", "./test/support/matchers.ts"],
};

/** What drives the Worker from outside: wrangler is read once for all files of a process, and the Worker of the stories is bundled once for all processes. */
const stories = {
  ...unhurried,
  isolate: false,
  env: quiet,
  globalSetup: ["./test/way/support/shared-folder.ts"],
  setupFiles: ["./test/support/seeded.ts"],
};

export default defineConfig(async () => {
  const migrations = await readD1Migrations("./migrations");
  const runtime = () => ({
    plugins: [
      withoutSourceMap,
      cloudflareTest({
        wrangler: { configPath: "./wrangler.toml" },
        remoteBindings: false,
        miniflare: {
          bindings: {
            TEST_MIGRATIONS: migrations,
            ROOT_TOKEN: "root-token-of-the-tests",
            ID_SECRET: "id-secret-of-the-tests",
            SIGNING_KEYS: "s1:c2lnbmluZy1rZXktb2YtdGhlLXRlc3RzLTAxMjM0NTY=",
            ENCRYPTION_KEYS: "e1:ZW5jcnlwdGlvbi1rZXktb2YtdGhlLXRlc3RzLTAxMjM=",
          },
        },
      }),
    ],
  });
  return {
    test: {
      // Two for a core: while a story waits, another goes on.
      maxWorkers: 4,
      sequence: { sequencer: LongestFirst },
      projects: [
        {
          ...runtime(),
          test: { ...inside, name: "worker", include: ["test/**/*.test.ts"], exclude: outside },
        },
        {
          ...runtime(),
          test: { ...inside, name: "long-inside", include: [...longInside, ...sized], env: { VITE_THOROUGH: "true" }, testTimeout: 900_000 },
        },
        {
          test: { ...stories, name: "node", include: outside, exclude: long },
        },
        {
          test: { ...stories, name: "long", include: long, exclude: longInside, testTimeout: 1_800_000 },
        },
      ],
    },
  };
});
