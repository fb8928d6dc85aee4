import { sha256Base32 } from "../crypto";
import { type PageAction, type ActionFields, pathOf } from "./action";
import { pageActions } from "./actions";
import { placeFrom } from "./address";
import { hasTyped } from "./again";
import { ApiProblem, createApi } from "./api";
import type { PageRequest } from "./page-request";
import { refusal, sentAgain } from "./refusal";
import { readForm, redirect, wantsFragment } from "./respond";
import { setNotice } from "./session/cookie";
import { sessionOver, signInPage } from "./session/sign-in";
import { checkTenant } from "./viewer";

/** Makes the call of a form to the public interface, then shows the page that had the form, or the next page of the action. */
export async function perform(pageRequest: PageRequest): Promise<Response> {
  const { request, path, tenant } = pageRequest;
  const action = pageActions.find(({ name }) => path === `/do/${name}`);
  const fields = await readForm(request);
  if (!action) return refusal(pageRequest, undefined, new ApiProblem(404, "There is no such action."));
  if (!fields) return refusal(pageRequest, undefined, new ApiProblem(413, "The form is longer than 64 kB."));
  try {
    await checkTenant(pageRequest);
  } catch (thrown) {
    if (!(thrown instanceof ApiProblem)) throw thrown;
    return thrown.status === 401 ? signInPage(request, sessionOver) : refusal(pageRequest, undefined, thrown);
  }
  const back = placeFrom(fields["back"], new URL(request.url)) ?? `/t/${tenant}/`;
  const sent = { ...fields, back };
  try {
    const answer = await carryOut(pageRequest, action, fields);
    const text = typeof action.done === "string" ? action.done : action.done(fields, answer);
    if (action.triedBefore && !wantsFragment(request)) return await sentAgain(pageRequest, action, sent, { status: 200, text });
    const next = action.leadsTo?.(fields, answer);
    return noticeAnswer(request, { status: 200, text, place: next === undefined ? back : `/t/${tenant}${next}`, moves: next !== undefined });
  } catch (thrown) {
    if (!(thrown instanceof ApiProblem)) throw thrown;
    const { status, message: text } = thrown;
    if (status === 401) return signInPage(request, sessionOver);
    if (!wantsFragment(request) && hasTyped(action, fields)) return sentAgain(pageRequest, action, sent, { status, text });
    return noticeAnswer(request, { status, text, place: back, moves: false });
  }
}

async function carryOut({ request, deps, token, tenant }: PageRequest, action: PageAction, fields: ActionFields): Promise<unknown> {
  const missing = action.confirms?.(fields, tenant);
  const path = pathOf(action, fields);
  if (missing !== undefined) throw new ApiProblem(422, missing);
  if (path === undefined) throw new ApiProblem(422, "A field of this form is missing.");
  const api = createApi(deps.answer, request, { token, tenant: tenant === "*" ? null : tenant });
  const body = action.body?.(fields);
  return api.send(action.method, path, body, await formKeyOf(fields, body));
}

/** The idempotency key of a form with a field `once`: the same values make one act, however often the form is sent. */
async function formKeyOf({ once }: ActionFields, body: unknown): Promise<string | undefined> {
  return once ? sha256Base32(JSON.stringify([once, body])) : undefined;
}

interface NoticeAnswer {
  status: number;
  text: string;
  place: string;
  /** Whether the browser leaves the page. */
  moves: boolean;
}

/** A notice: for the script as the answer, otherwise on the next page. */
function noticeAnswer(request: Request, { status, text, place, moves }: NoticeAnswer): Response {
  const url = new URL(request.url);
  if (!wantsFragment(request)) return redirect(place, [setNotice(url, text)]);
  const cookies: Record<string, string> = moves ? { "x-location": place, "set-cookie": setNotice(url, text) } : {};
  return new Response(text, { status, headers: { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store", ...cookies } });
}
