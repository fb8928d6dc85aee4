import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { quietWrangler, wranglerCli } from "../start/wrangler.ts";
import type { Api } from "./api.ts";
import { grantFor, NotPermitted } from "./permissions.ts";

/** Wrangler, for what only it can do: bundling and uploading the Worker, and applying migrations. */
export interface Wrangler {
  migrate(configuration: string, binding: string): Promise<void>;
  /** @returns The id of the uploaded version. */
  upload(configuration: string, secrets: Readonly<Record<string, string>>): Promise<string | null>;
}

export interface WranglerSettings {
  root: string;
  folder: string;
  api: Pick<Api, "accountId">;
  token: string;
  baseUrl: string;
  /** Where its words go. */
  say(text: string): void;
}

const longest = 600_000;

export function createWrangler({ root, folder, api, token, baseUrl, say }: WranglerSettings): Wrangler {
  const state = join(folder, "wrangler");
  mkdirSync(state, { recursive: true });
  const env = {
    ...quietWrangler(state),
    ...{ CI: "1", CLOUDFLARE_API_TOKEN: token, CLOUDFLARE_ACCOUNT_ID: api.accountId, CLOUDFLARE_API_BASE_URL: baseUrl },
    // Either would choose another environment, or another token, than the one that was looked at.
    ...{ CLOUDFLARE_ENV: undefined, CLOUDFLARE_API_KEY: undefined, CLOUDFLARE_EMAIL: undefined },
    CLOUDFLARE_LOAD_DEV_VARS_FROM_DOT_ENV: "false",
  };
  const run = (words: readonly string[], more: NodeJS.ProcessEnv = {}) => runWrangler(root, words, { ...env, ...more }, say);
  return {
    migrate: (configuration, binding) => run(["d1", "migrations", "apply", binding, "--remote", "--config", configuration]),
    upload: (configuration, secrets) =>
      inPrivateFolder(async (folder) => {
        const [given, outputFile] = [join(folder, "secrets.json"), join(folder, "output.ndjson")];
        writeFileSync(given, JSON.stringify(secrets), { mode: 0o600 });
        const file = Object.keys(secrets).length > 0 ? ["--secrets-file", given] : [];
        await run(["deploy", "--config", configuration, "--no-x-provision", ...file], { WRANGLER_OUTPUT_FILE_PATH: outputFile });
        const uploaded = uploadIn(outputFile);
        if (!uploaded) throw new Error("wrangler deploy ended without an upload.");
        const tooLarge = sizeIssue(uploaded.bundle_size?.gzip_bytes ?? 0);
        if (tooLarge) throw new Error(tooLarge);
        return uploaded.version_id ?? null;
      }),
  };
}

function runWrangler(root: string, words: readonly string[], env: NodeJS.ProcessEnv, say: (text: string) => void): Promise<void> {
  const child = spawn(process.execPath, ["--no-warnings", wranglerCli(root), ...words], { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => output.push(chunk.toString()));
  let interrupted: NodeJS.Signals | undefined;
  const pass = (signal: NodeJS.Signals) => void child.kill((interrupted = signal));
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, pass);
  const timer = setTimeout(() => child.kill("SIGKILL"), longest);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      for (const each of signals) process.off(each, pass);
      const text = spoken(output.join(""));
      // Wrangler ends with 0 when it is interrupted.
      if (code === 0 && interrupted === undefined) {
        for (const line of text.split("\n").filter((each) => /^Total Upload|^Worker Startup/.test(each))) say(line);
        return resolve();
      }
      reject(refusal(words, text, interrupted || signal ? `ended by ${interrupted ?? signal}` : `exit ${code}`));
    });
  });
}

/** Its words without colours, and without what is no use here. */
function spoken(output: string): string {
  const colours = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, "g");
  const idle = /^(?:env\.|Binding {3}|If you think this is a bug|.*Logs were written to|Note that there is a newer)/;
  const lines = output
    .replaceAll(colours, "")
    .split("\n")
    .map((line) => line.trimEnd());
  return lines
    .filter((line, index) => !idle.test(line.trim()) && (line !== "" || lines[index - 1] !== ""))
    .join("\n")
    .trim();
}

/** Which permission wrangler lacked, where its output names one; else its last line. */
function refusal(words: readonly string[], text: string, how: string): Error {
  const command = `wrangler ${words.slice(0, words[0] === "d1" ? 3 : 1).join(" ")}`;
  const path = /A request to the Cloudflare API \(([^)]+)\) failed/.exec(text)?.[1];
  if (path && /\[code: (?:10000|9109|7403)\]|Authentication error/i.test(text)) {
    return new NotPermitted(`The API token lacks permissions. Grant it:\n  ${grantFor(path)}\nRefused:\n  ${command}: ${path}`, [grantFor(path)]);
  }
  return new Error(`${command} failed (${how}):\n${text.split("\n").slice(-25).join("\n")}`);
}

/** Bytes of the compressed script; the platform takes more, but a larger one starts slowly. */
const maxGzipBytes = 1024 * 1024;

/** The message that the script is too large; undefined when it is not. */
export function sizeIssue(gzipBytes: number): string | undefined {
  if (gzipBytes <= maxGzipBytes) return undefined;
  const kib = (bytes: number) => Math.ceil(bytes / 1024).toLocaleString("en");
  return `The script was uploaded and has ${kib(gzipBytes)} KiB compressed, ${kib(maxGzipBytes)} KiB are allowed: find the library that was added last, or split the Worker.`;
}

/** What wrangler reports about its upload. */
interface Upload {
  type: string;
  version_id?: string | null;
  bundle_size?: { gzip_bytes: number };
}

/** Undefined: it did not upload. */
function uploadIn(file: string): Upload | undefined {
  if (!existsSync(file)) return undefined;
  const lines = readFileSync(file, "utf8").trim().split("\n");
  return lines.map((line) => JSON.parse(line) as Upload).findLast(({ type }) => type === "deploy");
}

/** A folder that only its owner reads; it goes whatever happens, also when this process is ended by a signal. */
async function inPrivateFolder<T>(act: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "jobyard-deploy-"));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.on("exit", remove);
  try {
    return await act(folder);
  } finally {
    remove();
    process.off("exit", remove);
  }
}
