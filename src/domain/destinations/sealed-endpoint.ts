import { type AddressRules, checkAddress } from "../../address/address";
import { Problem } from "../../errors";
import type { Vault } from "../../tenants/vault";

/** Where deliveries go and what signs them; kept sealed, since an address of this kind is a credential. */
export interface SealedEndpoint {
  url: string;
  secret?: string | undefined;
  /** What signed before, and signs beside it until then (milliseconds): the receiver need not change at the same moment. */
  previous?: { secret: string; until: number } | undefined;
}

export type OpenedEndpoint = { ok: true; value: SealedEndpoint } | { ok: false; reason: string };

/** A secret that was replaced signs for a day more. Milliseconds. */
const overlap = 24 * 3600_000;

/** The receiver takes no more: why, and when that was found. */
export interface Retirement {
  reason: string;
  /** Milliseconds; when the setting was read: one that was changed since is left alone. */
  since: number;
  at: number;
}

/** What the settings of events stand on; handed in by the composition root. */
export interface EndpointDeps {
  db: D1Database;
  vault: Pick<Vault, "seal" | "open" | "reseal">;
  rules: AddressRules;
  /** After a change that the snapshot shows. Never throws. */
  changed(tenant: string): Promise<void>;
}

/** Throws `invalid` when the address may not be called. */
export function hostOf(url: string, rules: AddressRules): string {
  const checked = checkAddress(url, rules);
  if (!checked.ok) throw new Problem("invalid", "The address cannot be used.", { errors: [{ path: "url", message: checked.reason }] });
  return checked.url.host;
}

/** Seals a hook that takes the place of `before` (sealed as well; null: there was none). */
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
  return { secret, until: now + overlap };
}

export async function openEndpoint({ vault }: EndpointDeps, tenant: string, name: string, sealed: string): Promise<OpenedEndpoint> {
  const opened = await vault.open(tenant, name, sealed);
  if (!opened.ok) return { ok: false, reason: `its address and secret must be set again: ${opened.reason}` };
  return { ok: true, value: JSON.parse(opened.text) as SealedEndpoint };
}
