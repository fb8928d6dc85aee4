import { describe, expect, test } from "vitest";
import { createDashboard } from "../../src/dashboard";
import { createFakeApi, people, plainVault } from "./desk";
import { form, now, origin, visitor } from "./visitor";

describe("a session", () => {
  test("keeps the token where no script and no other site reaches it, for twelve hours", async () => {
    const { signedIn } = await visitor(people.operator);
    expect(signedIn.status).toBe(303);
    expect(signedIn.headers.get("location")).toBe("/t/demo/");
    expect(signedIn.headers.get("set-cookie")).toMatch(/^__Host-jobyard=[^;]+; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict; Secure$/);
    expect((await visitor(people.root)).signedIn.headers.get("location")).toBe("/t/*/");
    const later = createDashboard({ answer: createFakeApi(now).answer, vault: plainVault, now: () => now + 12 * 3_600_000 });
    const { cookie } = await visitor(people.operator);
    const expired = await later(new Request(`${origin}/t/demo/`, { headers: { cookie } }));
    expect(await expired?.text()).toContain('name="token"');
  });

  test("of a token that was revoked is over", async () => {
    const { cookie } = await visitor(people.operator);
    const revoked = createDashboard({ answer: async () => Response.json({ detail: "no longer" }, { status: 401 }), vault: plainVault, now: () => now });
    const answer = await revoked(new Request(`${origin}/t/demo/`, { headers: { cookie } }));
    expect(answer?.status).toBe(401);
    expect(await answer?.text()).toContain("The session is over");
  });

  test("is ended by signing out", async () => {
    const { post } = await visitor(people.operator);
    const left = await post("/session/end", {});
    expect(left.headers.get("set-cookie")).toContain("__Host-jobyard=; Path=/; Max-Age=0");
  });

  test("leads on to what was asked for, if that is a page of ours", async () => {
    const { ask } = await visitor(people.operator);
    const page = await (await ask("/t/demo/jobs?state=dead")).text();
    expect(page).toContain('name="next" value="/t/demo/jobs?state=dead"');
    const into = async (next: string) => (await ask("/session", { method: "POST", ...form({ token: people.operator.token, next }) })).headers.get("location");
    expect(await into("/t/demo/jobs?state=dead")).toBe("/t/demo/jobs?state=dead");
    expect(await into("//evil.example/t/")).toBe("/t/demo/");
    expect(await into("https://evil.example/")).toBe("/t/demo/");
  });

  test("is not begun with a wrong token, which is not repeated", async () => {
    const { ask } = await visitor(people.operator);
    const refused = await ask("/session", { method: "POST", ...form({ token: "jy_wrong" }) });
    expect(refused.status).toBe(401);
    expect(refused.headers.get("set-cookie")).toBeNull();
    expect(await refused.text()).not.toContain("jy_wrong");
  });

  test("survives a link from elsewhere, which comes without the cookie", async () => {
    const { ask } = await visitor(people.operator);
    const answer = await ask("/t/demo/jobs", { headers: { "sec-fetch-site": "cross-site" } });
    expect(await answer.text()).toContain('http-equiv="refresh"');
  });
});
