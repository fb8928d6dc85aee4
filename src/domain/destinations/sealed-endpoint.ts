import { dayMs } from "../../time/day";
import { type AddressRules, checkAddress } from "../../address/address";
import { Problem } from "../../errors";
import type { Vault } from "../../tenants/vault";

/** The address of deliveries and its signing secret. It is sealed: such an address is a credential. */
interface SealedEndpoint {
  url: string;
  secret?: string | undefined;
  /** The former secret, which signs as well until then (milliseconds), so that the receiver may change its secret later. */
  previous?: { secret: string; until: number } | undefined;
}

export type OpenedEndpoint = { ok: true; value: SealedEndpoint } | { ok: false; reason: string };

/** A replaced secret signs for one more day. */
const overlapMs = dayMs;

/** Why and when a setting is switched off. */
export interface Retirement {
  reason: string;
  /** When the setting was read (milliseconds); one that was changed later is left as it is. */
  since: number;
  at: number;
}

export interface EndpointDeps {
  db: D1Database;
  vault: Pick<Vault, "seal" | "open" | "reseal">;
  rules: AddressRules;
  /** Called after a change of the snapshot. Never throws. */
  changed(tenant: string): Promise<void>;
}

/** Throws `invalid` when the address may not be called. */
export function hostOf(url: string, rules: AddressRules): string {
  const checked = checkAddress(url, rules);
  if (!checked.ok) throw new Problem("invalid", "The address cannot be used.", { errors: [{ path: "url", message: checked.reason }] });
  return checked.url.host;
}

/** Seals an endpoint that replaces `before` (sealed as well; null: there was none). */
export async function sealEndpoint(
  deps: EndpointDeps,
  tenant: string,
  name: string,
  hook: SealedEndpoint,
  { before, now }: { before: string | null; now: number },
) {
  const opened = before === null ? null : await openEndpoint(deps, tenant, name, before);
  const previous = opened?.ok && hook.secret !== undefined ? previousOf(opened.value, hook.secret, now) : undefined;
  return deps.vault.seal(tenant, name, JSON.stringify({ ...hook, previous }));
}

/** Every secret that signs now, the current one first. */
export function signingSecrets({ secret, previous }: SealedEndpoint, now: number): string[] {
  if (secret === undefined) return [];
  return previous && now < previous.until ? [secret, previous.secret] : [secret];
}

function previousOf({ secret, previous }: SealedEndpoint, next: string, now: number): SealedEndpoint["previous"] {
  if (secret === undefined || secret === next) return previous;
  return { secret, until: now + overlapMs };
}

export async function openEndpoint({ vault }: EndpointDeps, tenant: string, name: string, sealed: string): Promise<OpenedEndpoint> {
  const opened = await vault.open(tenant, name, sealed);
  if (!opened.ok) return { ok: false, reason: `its address and secret must be set again: ${opened.reason}` };
  return { ok: true, value: JSON.parse(opened.text) as SealedEndpoint };
}
