// node scripts/bootstrap.mjs SCRIPT [ARGUMENTS]: installs the packages if that is needed, then runs SCRIPT with the project's own Node.
// Works on a fresh clone: plain JavaScript, Node 20, no packages.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const stampName = join("node_modules", ".installed");

/** Why the packages of the project in `root` must be installed; null when they match the lockfile. */
export function reasonToInstall(root) {
  if (!existsSync(join(root, "node_modules"))) return "the packages are not installed yet";
  if (!existsSync(nodeOf(root))) return "the installation is not complete";
  const stamp = join(root, stampName);
  if (existsSync(stamp)) return readFileSync(stamp, "utf8") === lockfileHash(root) ? null : "the lockfile has changed";
  return installedAsLocked(root) ? null : "what is installed differs from the lockfile";
}

/** Remembers what is installed, so that the next start need not compare. */
export function remember(root) {
  writeFileSync(join(root, stampName), lockfileHash(root));
}

function nodeOf(root) {
  return join(root, "node_modules", ".bin", process.platform === "win32" ? "node.cmd" : "node");
}

function lockfileHash(root) {
  return createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
}

/** npm keeps a list of what it installed; packages for other platforms are missing there. */
function installedAsLocked(root) {
  const list = join(root, "node_modules", ".package-lock.json");
  if (!existsSync(list)) return false;
  const locked = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
  const installed = JSON.parse(readFileSync(list, "utf8")).packages;
  return Object.entries(locked).every(([path, wanted]) => {
    if (path === "") return true;
    const found = installed[path];
    return found ? found.version === wanted.version && found.integrity === wanted.integrity : wanted.optional === true;
  });
}

function install(root, reason) {
  console.log(`Installing the packages with npm ci: ${reason}. This takes a minute.`);
  const { status, error } = spawnSync("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: root,
    stdio: "inherit",
    shell: process.platform === "win32",
  });
  if (status === 0) return remember(root);
  console.error(`npm ci failed${error ? `: ${error.message}` : ""}. Nothing was started.`);
  process.exit(status || 1);
}

/** The pipe to the script ends with this process, however it ends: `start` then ends what it started. */
function run(root, script, rest) {
  const path = [join(root, "node_modules", ".bin"), process.env.PATH].join(process.platform === "win32" ? ";" : ":");
  const child = spawn(nodeOf(root), [script, ...rest], { cwd: root, stdio: ["inherit", "inherit", "inherit", "ipc"], env: { ...process.env, PATH: path } });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    console.error(`Cannot run the project's Node: ${error.message}. Delete node_modules and try again.`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 1)));
  if (process.env.npm_lifecycle_event) endWithParent(child);
}

/** A killed npm passes no signal on. Between npm and this process there may be a shell. */
function endWithParent(child) {
  const npm = () => (isShell(process.ppid) ? parentOf(process.ppid) : process.ppid);
  const parent = process.ppid;
  const started = npm();
  setInterval(() => (process.ppid !== parent || npm() !== started) && child.kill("SIGTERM"), 500).unref();
}

function isShell(pid) {
  return /^(sh|dash|bash)$/.test(ofProcess(pid, "comm").trim());
}

function parentOf(pid) {
  return Number(/\) \S (\d+) /.exec(ofProcess(pid, "stat"))?.[1] ?? 0);
}

/** The state of a process in Linux; elsewhere, or when it has ended, nothing. */
function ofProcess(pid, what) {
  const file = `/proc/${pid}/${what}`;
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

/** The comment above a script's first line: its usage. */
function headerOf(script) {
  const lines = readFileSync(script, "utf8").split("\n");
  const end = lines.findIndex((line) => !line.startsWith("//"));
  return lines
    .slice(0, end)
    .map((line) => line.slice(3))
    .join("\n");
}

function main() {
  const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
  const [script, ...rest] = process.argv.slice(2);
  if (!script) {
    console.error("Usage: node scripts/bootstrap.mjs SCRIPT [ARGUMENTS]");
    process.exit(2);
  }
  const header = rest.includes("--help") ? headerOf(resolve(root, script)) : "--help";
  // A header that names --help is of a script that lists its options itself.
  if (!header.includes("--help")) return console.log(header);
  const reason = reasonToInstall(root);
  if (reason) install(root, reason);
  else if (!existsSync(join(root, stampName))) remember(root);
  run(root, resolve(root, script), rest);
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) main();
