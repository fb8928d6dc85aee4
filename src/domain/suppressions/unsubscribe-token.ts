import { suppressionScopes } from "./model";
import type { Unsubscription, UnsubscribeTokens } from "./unsubscribe";
import { fromBase64, toBase64url } from "../../base64";

interface UnsubscribeKeys {
  /** AES-256-GCM. */
  encryption: Promise<CryptoKey>;
  /** HMAC-SHA-256. */
  signing: Promise<CryptoKey>;
}

const form = /^[A-Za-z0-9_-]{40,1200}$/;

/**
 * The content is encrypted, since links end up in logs. The nonce is the HMAC of the content (as in SIV), so that a mail has the same link on every
 * try. A provider refuses an idempotency key with changed content. The keys never change.
 */
export function createUnsubscribeTokens({ encryption, signing }: UnsubscribeKeys): UnsubscribeTokens {
  const nonceOf = async (content: Uint8Array) => new Uint8Array(await crypto.subtle.sign("HMAC", await signing, content)).slice(0, 12);
  return {
    async make({ tenant, address, scope, campaign }) {
      const content = new TextEncoder().encode(JSON.stringify([tenant, address, scope, ...(campaign === undefined ? [] : [campaign])]));
      const iv = await nonceOf(content);
      const sealed = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv }, await encryption, content));
      return toBase64url(new Uint8Array([...iv, ...sealed]));
    },
    async read(token) {
      const bytes = form.test(token) ? fromBase64(token) : undefined;
      if (!bytes) return undefined;
      try {
        const content = await crypto.subtle.decrypt({ name: "AES-GCM", iv: bytes.slice(0, 12) }, await encryption, bytes.slice(12));
        return readContent(JSON.parse(new TextDecoder().decode(content)));
      } catch {
        // The token is forged or damaged.
        return undefined;
      }
    },
  };
}

function readContent(content: unknown): Unsubscription | undefined {
  const [tenant, address, named, campaign] = Array.isArray(content) ? (content as unknown[]) : [];
  const scope = suppressionScopes.find((each) => each === named);
  if (typeof tenant !== "string" || typeof address !== "string" || !scope) return undefined;
  return { tenant, address, scope, ...(typeof campaign === "string" ? { campaign } : {}) };
}
