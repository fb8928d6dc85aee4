import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

/**
 * Two projects: `worker` runs inside the real runtime, `node` drives the whole Worker, the scripts and the browser from outside.
 * Each has its folders; a test is in `node` when it needs processes, files or sockets.
 */
const outside = ["test/way/**/*.test.ts", "test/browser/**/*.test.ts", "test/scripts/**/*.test.ts", "test/*.test.ts"];

export default defineConfig(async () => ({
  test: {
    // One file per core: the stories wait for processes more than they compute.
    maxWorkers: 2,
    projects: [
      {
        plugins: [
          cloudflareTest({
            wrangler: { configPath: "./wrangler.toml" },
            remoteBindings: false,
            miniflare: {
              bindings: {
                TEST_MIGRATIONS: await readD1Migrations("./migrations"),
                ROOT_TOKEN: "root-token-of-the-tests",
                ID_SECRET: "id-secret-of-the-tests",
                SIGNING_KEYS: "s1:c2lnbmluZy1rZXktb2YtdGhlLXRlc3RzLTAxMjM0NTY=",
                ENCRYPTION_KEYS: "e1:ZW5jcnlwdGlvbi1rZXktb2YtdGhlLXRlc3RzLTAxMjM=",
              },
            },
          }),
        ],
        test: {
          name: "worker",
          // One runtime for the files of a core, which read the modules once; test/support/anew.ts gives each file empty stores.
          isolate: false,
          testTimeout: 20_000,
          include: ["test/**/*.test.ts"],
          exclude: outside,
          setupFiles: ["./test/support/anew.ts"],
        },
      },
      {
        test: { name: "node", include: outside, testTimeout: 60_000, hookTimeout: 60_000 },
      },
    ],
  },
}));
