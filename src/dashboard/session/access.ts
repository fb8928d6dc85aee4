/** The header that Cloudflare Access adds to each request of an authenticated person. */
const accessHeader = "cf-access-jwt-assertion";

/** Returns the Jobyard token of the person that an Access token names, or why there is none; undefined where Access is not set up. Never throws. */
export type AccessSignIn = (assertion: string) => Promise<{ ok: true; token: string } | { ok: false; why: keyof typeof refusals } | undefined>;

/** Text of the sign-in page, and its status. */
const refusals = {
  refused: [403, "Cloudflare Access sent a token that is not valid for this application. Sign in there again, or with a token."],
  "no-role": [403, "Cloudflare Access signed you in, but you have no role here. Ask for one, or sign in with a token."],
  unavailable: [503, "The keys or settings of Cloudflare Access cannot be read right now. Try again in a minute, or sign in with a token."],
} as const;

/** The token of the person whom Access authenticated, or the text and status of the sign-in page; undefined where Access is not used. */
export async function throughAccess(
  request: Request,
  signIn: AccessSignIn | undefined,
): Promise<{ token: string } | { status: number; trouble: string } | undefined> {
  const assertion = request.headers.get(accessHeader);
  if (assertion === null || signIn === undefined) return undefined;
  const access = await signIn(assertion);
  if (access === undefined) return undefined;
  if (access.ok) return { token: access.token };
  const [status, trouble] = refusals[access.why];
  return { status, trouble };
}
