import { fromBase64, toBase64url } from "../base64";
import type { KeyRing } from "./keys";

/** The result of opening. `keyId` is the key that sealed it; `current` false: seal it again. */
export type Opened = { ok: true; text: string; keyId: string; current: boolean } | { ok: false; reason: string };

/**
 * Seals credentials: AES-256-GCM with a random 96-bit nonce, bound to the tenant and to the name of the credential. A sealed text that was moved to
 * another row or tenant cannot be opened. Format `v1.KEY.NONCE.TEXT`, in base64url.
 */
export type Vault = ReturnType<typeof createVault>;

const purpose = "vault";
const form = /^v1\.([A-Za-z0-9_-]{1,32})\.([A-Za-z0-9_-]{16})\.([A-Za-z0-9_-]{22,})$/;

export function createVault(ring: KeyRing) {
  const prefix = `v1.${ring.active}.`;
  const seal = async (tenant: string, name: string, text: string): Promise<string> => {
    const nonce = crypto.getRandomValues(new Uint8Array(12));
    const how = { name: "AES-GCM", iv: nonce, additionalData: binding(ring.active, tenant, name) };
    const data = await crypto.subtle.encrypt(how, await ring.encryption(purpose)!, new TextEncoder().encode(text));
    return `${prefix}${toBase64url(nonce)}.${toBase64url(new Uint8Array(data))}`;
  };
  const open = async (tenant: string, name: string, sealed: string): Promise<Opened> => {
    const [, keyId, nonce, data] = form.exec(sealed) ?? [];
    if (!keyId || !nonce || !data) return { ok: false, reason: "it is not a sealed text" };
    const key = await ring.encryption(purpose, keyId);
    if (!key) return { ok: false, reason: `it was sealed with key "${keyId}", which ENCRYPTION_KEYS no longer holds` };
    const text = await decrypted(key, binding(keyId, tenant, name), nonce, data);
    if (text === undefined) return { ok: false, reason: "it was sealed for another tenant or name, or is damaged" };
    return { ok: true, text, keyId, current: keyId === ring.active };
  };
  const reseal = async (tenant: string, name: string, sealed: string): Promise<string | undefined> => {
    const opened = await open(tenant, name, sealed);
    return opened.ok && !opened.current ? seal(tenant, name, opened.text) : undefined;
  };
  return {
    seal,
    /** Never throws for a stored text: a removed key, a foreign or damaged text are results. `reason` contains nothing of the content. */
    open,
    /** The same content under the active key; undefined when it is already, or cannot be opened. */
    reseal,
    /** The prefix of every text sealed with the active key; other texts are due for `reseal`. */
    prefix,
  };
}

function binding(keyId: string, tenant: string, name: string): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(["jobyard", 1, keyId, tenant, name]));
}

/** A wrong key, binding or text all end in the same OperationError. */
async function decrypted(key: CryptoKey, additionalData: Uint8Array, nonce: string, data: string): Promise<string | undefined> {
  const [iv, sealed] = [fromBase64(nonce), fromBase64(data)];
  if (!iv || !sealed) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(await crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData }, key, sealed));
  } catch (thrown) {
    if (thrown instanceof Error && thrown.name === "OperationError") return undefined;
    throw thrown;
  }
}
