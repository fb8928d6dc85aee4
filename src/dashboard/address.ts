/** A part of an address without its escapes; one with broken escapes stays as it is. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Whether this can be a tenant of an address; `*` is all of them. */
export function isTenant(text: string): boolean {
  return /^(?:\*|[a-z0-9-]{1,63})$/.test(text);
}

/** The page of ours that a form names to go on to, as a header can carry it; undefined for any other address. */
export function placeFrom(text: string | undefined, { origin }: URL): string | undefined {
  if (!text?.startsWith("/t/")) return undefined;
  const url = URL.parse(text, origin);
  return url?.origin === origin && url.pathname.startsWith("/t/") ? `${url.pathname}${url.search}` : undefined;
}
