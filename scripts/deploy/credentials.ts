import { readFileSync } from "node:fs";
import type { Options } from "./options.ts";
import type { Configuration } from "./wanted.ts";

export interface Credentials {
  token: string;
  /** Undefined: the only account that the token sees. */
  accountId: string | undefined;
  baseUrl: string;
}

/** Where the token and the account come from; a missing or impossible one is a sentence that names what to set. */
export function credentialsIn(
  environment: Readonly<Record<string, string | undefined>>,
  { tokenFile }: Pick<Options, "tokenFile">,
  configuration: Pick<Configuration, "account_id">,
): Credentials | { wrong: string } {
  const file = tokenFile ?? environment["CLOUDFLARE_API_TOKEN_FILE"];
  const read = file ? tokenIn(file) : { token: environment["CLOUDFLARE_API_TOKEN"]?.trim() ?? "" };
  if ("wrong" in read) return read;
  if (read.token === "") return { wrong: "There is no API token. Set CLOUDFLARE_API_TOKEN, or name a file that holds it with --token-file." };
  if (!/^[\x21-\x7e]{1,512}$/.test(read.token)) return { wrong: "The API token must be visible ASCII characters without spaces: is the right text in it?" };
  const accountId = environment["CLOUDFLARE_ACCOUNT_ID"]?.trim() || configuration.account_id;
  if (accountId !== undefined && !/^[\w-]{1,64}$/.test(accountId)) return { wrong: "CLOUDFLARE_ACCOUNT_ID is no account id: it has 32 hexadecimal digits." };
  return { token: read.token, accountId, baseUrl: environment["CLOUDFLARE_API_BASE_URL"] || "https://api.cloudflare.com/client/v4" };
}

function tokenIn(file: string): { token: string } | { wrong: string } {
  try {
    return { token: readFileSync(file, "utf8").trim() };
  } catch (cause) {
    return { wrong: `The file of the API token cannot be read: ${cause instanceof Error ? cause.message : String(cause)}.` };
  }
}
