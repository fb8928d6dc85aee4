import { ApiRefusal, type Api } from "./api.ts";

/** What a token needs, by the beginning of the path that refuses it; names as Cloudflare's page of API tokens has them. */
const grants: readonly (readonly [RegExp, string])[] = [
  [/\/d1\//, "Account · D1 · Edit"],
  [/\/storage\/kv\//, "Account · Workers KV Storage · Edit"],
  [/\/(?:r2|event_notifications)\//, "Account · Workers R2 Storage · Edit"],
  [/\/queues/, "Account · Queues · Edit"],
  [/\/event_subscriptions\//, "Account · Queues · Edit and Account · Email Sending · Edit"],
  [/\/workers\/(?:scripts\/[^/]+\/)?(?:domains|routes)|\/zones\/[^/]+\/workers/, "Zone · Workers Routes · Edit"],
  [/\/workers\//, "Account · Workers Scripts · Edit"],
  [/\/zones/, "Zone · Zone · Read"],
  [/\/accounts/, "Account · Account Settings · Read"],
];

/** The permission that a path requires. */
export function grantFor(path: string): string {
  return grants.find(([pattern]) => pattern.test(path))?.[1] ?? "the permission of that endpoint";
}

/** The token is not valid, or lacks permissions: nothing was changed by the calls it names. */
export class NotPermitted extends Error {
  readonly grants: readonly string[];

  constructor(sentence: string, missing: readonly string[] = []) {
    super(sentence);
    this.grants = missing;
  }
}

/** The message about refused calls: whether the token is bad, the account is another's, or which permissions are missing. */
export async function explained(api: Api, refusals: readonly ApiRefusal[], calls: number): Promise<NotPermitted> {
  const state = await tokenState(api);
  if (state !== "active") return new NotPermitted(`The API token is ${state}. Make a new one and set CLOUDFLARE_API_TOKEN.`);
  const refused = [...new Set(refusals.map(({ message }) => message))].map((line) => `  ${line}`).join("\n");
  const missing = [...new Set(refusals.map(({ path }) => grantFor(path)))];
  const account = refusals.length === calls ? ` Every call was refused: is ${api.accountId} the right CLOUDFLARE_ACCOUNT_ID?` : "";
  return new NotPermitted(
    `The API token lacks permissions.${account} Grant it:\n${missing.map((grant) => `  ${grant}`).join("\n")}\nRefused:\n${refused}`,
    missing,
  );
}

async function tokenState(api: Api): Promise<string> {
  for (const verify of [() => api.callRoot("GET", "/user/tokens/verify"), () => api.call("GET", "/tokens/verify")]) {
    try {
      const { result } = await verify();
      const status = typeof result === "object" && result !== null && "status" in result ? String(result.status) : "active";
      return status === "active" ? status : `not active (${status.slice(0, 40)})`;
    } catch (thrown) {
      if (!(thrown instanceof ApiRefusal)) throw thrown;
      // A token of an account is unknown to the first address; an API that does not answer proves nothing against the token.
      if (thrown.kind === "unavailable") return "active";
    }
  }
  return "not valid";
}
