import { join, resolve } from "node:path";
import { doctor } from "../doctor/doctor.ts";
import { ApiRefusal } from "./api.ts";
import { deploy } from "./deploy.ts";
import { finding } from "./finding.ts";
import { production, readOptions, usage } from "./options.ts";
import { grantFor, NotPermitted } from "./permissions.ts";
import { type ExitCode, type Output, outputTo, type Report } from "./report.ts";
import { makeSecretsFile } from "./secrets.ts";
import { Misused, type Place } from "./session.ts";

/** Where text for people, or the JSON object, and where everything else goes. */
export interface Print {
  out(text: string): void;
  err(text: string): void;
}

/** This checkout. */
export function here(environment: Place["environment"]): Place {
  const root = resolve(import.meta.dirname, "../..");
  return { root, folder: join(root, ".jobyard"), environment };
}

/** Runs one of the commands. @returns The exit code; see ExitCode. Never throws. */
export async function main(
  command: "deploy" | "doctor",
  words: readonly string[],
  place: Place,
  print: Print = { out: console.log, err: console.error },
): Promise<ExitCode> {
  if (words.includes("--help")) {
    print.out(usage);
    return 0;
  }
  const options = readOptions(words);
  const output = outputTo({ json: words.includes("--json"), plan: words.includes("--plan") }, print.out, print.err);
  const report: Report = { env: "wrong" in options ? production : options.env, steps: [], findings: [], version_id: null, notes: [] };
  if ("wrong" in options) return ended(report, output, 2, `${options.wrong}\n\n${usage}`);
  if (command === "deploy" && options.makeSecrets !== undefined) {
    const made = makeSecretsFile(options.makeSecrets);
    if ("wrong" in made) return ended(report, output, 2, made.wrong);
    options.secretsFile = options.makeSecrets;
    report.notes.push(`Made the secrets in ${options.makeSecrets}. Keep them where you keep secrets: ID_SECRET can never be changed.`);
  }
  try {
    const run = command === "deploy" ? deploy : doctor;
    const agrees = await run(place, options, report, output);
    return ended(report, output, agrees ? 0 : 1);
  } catch (thrown) {
    return ended(report, output, ...codeOf(thrown, report));
  }
}

function codeOf(thrown: unknown, report: Report): [ExitCode, string] {
  const failed = report.steps.find(({ state }) => state === "failed");
  const done = report.steps.filter(({ state }) => state === "create" || state === "change").map(({ name }) => name);
  const midway = `${failed ? `It stopped at: ${failed.name}. ` : ""}${done.length === 0 ? "Nothing was made before." : `Done before: ${done.join(", ")}.`}`;
  const again = failed || done.length > 0 ? `${midway} Running it again is safe and goes on from there.` : "Nothing was changed.";
  if (thrown instanceof Misused) return [2, thrown.message];
  const refused = thrown instanceof ApiRefusal && thrown.kind === "unauthorized" ? new NotPermitted(refusedAt(thrown), [grantFor(thrown.path)]) : thrown;
  if (refused instanceof NotPermitted) {
    report.findings = refused.grants.map((grant) => finding("token-lacks", grant, `The API token needs ${grant}.`));
    return [3, `${refused.message}\n${again}`];
  }
  return [4, `${thrown instanceof Error ? thrown.message : String(thrown)}\n${again}`];
}

function refusedAt({ path, message }: ApiRefusal): string {
  return `The API token lacks permissions. Grant it:\n  ${grantFor(path)}\nRefused:\n  ${message}`;
}

function ended(report: Report, output: Output, code: ExitCode, error?: string): ExitCode {
  if (error !== undefined) report.error = error;
  output.end(report);
  return code;
}
