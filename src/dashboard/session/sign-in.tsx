import { placeFrom } from "../address";
import { ApiProblem, type AnswerRequest, createApi } from "../api";
import type { Me } from "../answers";
import { Document } from "../document";
import { htmlResponse, readForm, redirect, wantsFragment } from "../respond";
import type { Sessions } from "./cookie";
import { Field } from "../parts/field";

export const sessionOver = "The session is over: the token is unknown or revoked.";

/** The sign-in page. After it, the browser goes on to the requested page. */
export function signInPage(request: Request, trouble?: string, status = trouble === undefined ? 200 : 401): Response {
  const url = new URL(request.url);
  if (wantsFragment(request) || request.method === "POST")
    return new Response(trouble ?? "You are signed out.", { status: trouble === undefined ? 401 : status });
  // Browsers follow links from other sites without the cookie; a request of this page for the same address has it.
  if (request.headers.get("sec-fetch-site") === "cross-site") return htmlResponse(url, <meta http-equiv="refresh" content="0" />);
  const next = url.pathname.startsWith("/t/") ? `${url.pathname}${url.search}` : undefined;
  return signInResponse(url, { next, trouble, status });
}

export async function signIn(request: Request, sessions: Sessions, answer: AnswerRequest): Promise<Response> {
  const url = new URL(request.url);
  const { token = "", next } = (await readForm(request)) ?? {};
  if (!/^[\x21-\x7e]{1,1024}$/.test(token.trim())) return signInResponse(url, { next, trouble: "This is not a token.", status: 422 });
  try {
    const { tenant } = await createApi(answer, request, { token: token.trim(), tenant: null }).get<Me>("/v1/me");
    const place = placeFrom(next, url) ?? `/t/${tenant ?? "*"}/`;
    return redirect(place, [await sessions.start(token.trim(), url)]);
  } catch (thrown) {
    if (thrown instanceof ApiProblem) return signInResponse(url, { next, trouble: thrown.message, status: thrown.status });
    throw thrown;
  }
}

export function signOut(url: URL, sessions: Sessions): Response {
  return redirect("/", [sessions.end(url)]);
}

interface SignInRequest {
  next: string | undefined;
  trouble: string | undefined;
  status: number;
}

function signInResponse(url: URL, { next, trouble, status }: SignInRequest): Response {
  const form = (
    <main id="main" class="enter" data-pace="never">
      <h1>Jobyard</h1>
      <form method="post" action="/session" data-plain>
        {trouble === undefined ? null : (
          <p role="alert" class="trouble">
            {trouble}
          </p>
        )}
        <Field label="Token" name="token" type="password" required maxLength={1024} autocomplete="current-password" autofocus />
        {next === undefined ? null : <input type="hidden" name="next" value={next} />}
        <button class="main">Sign in</button>
        <p class="dim">A tenant's token shows that tenant; the root token shows all of them. The session ends after 12 hours.</p>
      </form>
    </main>
  );
  return htmlResponse(url, <Document title="Sign in">{form}</Document>, { status });
}
