/** What Cloudflare Access puts on each request that it lets through. */
export const accessHeader = "cf-access-jwt-assertion";

/** The token that the holder of an Access token acts with, or why there is none; undefined where Access is not set up. Never throws. */
export type AccessSignIn = (assertion: string) => Promise<{ ok: true; token: string } | { ok: false; why: keyof typeof refusals } | undefined>;

/** What the sign-in page says, with its status. */
const refusals = {
  refused: [403, "Cloudflare Access sent a token that is not good for this application, or no longer. Sign in there again, or with a token."],
  "no-role": [403, "Cloudflare Access knows you, and you have no role here. Ask for one, or sign in with a token."],
  unavailable: [503, "The keys or settings of Cloudflare Access cannot be read right now. Try again in a minute, or sign in with a token."],
} as const;

/** Whom Access vouches for: a token, or the words and the status for the sign-in page; undefined where it has no say. */
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
