/** Whether a form was sent from one of these pages. A request without its origin is refused. */
export function sameOrigin({ headers, url }: Request): boolean {
  const site = headers.get("sec-fetch-site");
  const origin = headers.get("origin");
  if (site !== null && site !== "same-origin") return false;
  return origin === null ? site === "same-origin" : origin === new URL(url).origin;
}
