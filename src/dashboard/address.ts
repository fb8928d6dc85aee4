/** A part of an address, percent-decoded; one with broken escapes stays as it is. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Whether a text can be the tenant of an address; `*` means all tenants. */
export function isTenant(text: string): boolean {
  return /^(?:\*|[a-z0-9-]{1,63})$/.test(text);
}

/** The address of one of these pages that a form names as the next, fit for a header; undefined for any other address. */
export function placeFrom(text: string | undefined, { origin }: URL): string | undefined {
  if (!text?.startsWith("/t/")) return undefined;
  const url = URL.parse(text, origin);
  return url?.origin === origin && url.pathname.startsWith("/t/") ? `${url.pathname}${url.search}` : undefined;
}
