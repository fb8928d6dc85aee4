import { createAccessVerifier } from "../domain/installation/access";
import type { AccessSignIn } from "../dashboard/session/access";
import { sha256Hex } from "../crypto";
import { createHttp } from "../providers/http";
import { messageOf } from "../errors";
import { createTokens } from "../tenants/token";
import { parseKeyRing } from "../tenants/keys";
import type { WorkerEnv } from "../env";
import { log } from "./log";
import type { Stores } from "./stores";

/** Milliseconds that an isolate keeps the setting. */
const maxSettingAgeMs = 60_000;

/**
 * Signs in people whom Cloudflare Access has authenticated, by the roles of the setting `access`. The pages act with a token that is made for one
 * request and never leaves the Worker. In the audit its id begins with `access`; it is the same for each request of a person.
 */
export function createAccessSignIn(env: WorkerEnv, stores: Pick<Stores, "installation" | "rules">, now: () => number): AccessSignIn {
  const verify = createAccessVerifier(createHttp({ rules: stores.rules }), now);
  const tokens = createTokens(parseKeyRing("SIGNING_KEYS", env.SIGNING_KEYS));
  let known: { at: number; setting: Awaited<ReturnType<Stores["installation"]["read"]>> } | undefined;
  const read = async () => {
    if (!known || now() - known.at >= maxSettingAgeMs) known = { at: now(), setting: await stores.installation.read("access") };
    return known.setting;
  };
  return async (assertion) => {
    try {
      const setting = await read();
      if (!setting) return undefined;
      const verified = await verify(setting.value as Parameters<typeof verify>[0], assertion);
      if (!verified.ok) return verified;
      const { tenant, scopes = [] } = verified.role;
      if (tenant === "*") return { ok: true, token: env.ROOT_TOKEN };
      return { ok: true, token: await tokens.mint(tenant, `access${await sha256Hex(verified.person, 16)}`, scopes) };
    } catch (thrown) {
      log({ event: "trouble", where: "access", reason: messageOf(thrown) });
      return { ok: false, why: "unavailable" };
    }
  };
}
