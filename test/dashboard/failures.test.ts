import { describe, expect, test } from "vitest";
import { answersOf, idOf, type Query } from "./answers";
import { createFakeApi, people } from "./desk";
import { now, visitor } from "./visitor";

const deploy = { version: "v1", tag: "v1", at: new Date(now).toISOString() };

describe("an empty list of failures", () => {
  const listed = async (path: string, others: boolean) => {
    const api = createFakeApi(now, answersOf({ rows: 1, text: "shop", now }));
    const [group] = (api.answers.get("GET /v1/failures") as { failures: unknown[] }).failures;
    const isWhole = ({ status, since }: Query) => status === undefined && since === undefined;
    api.answers.set("GET /v1/failures", (query: Query) => ({ failures: others && isWhole(query) ? [group] : [], cursor: null, deploy }));
    return (await (await visitor(people.operator, api)).get(path)).text();
  };

  test.each([
    ["", "are resolved or ignored"],
    ["?since=deploy", "are resolved or ignored or have not failed since the deploy"],
    ["?status=all&since=deploy", "have not failed since the deploy"],
  ])("failures%s says what it leaves out, and leads to it", async (query, leftOut) => {
    const html = await listed(`/t/demo/failures${query}`, true);
    expect(html).toContain(`No group matches. Groups that ${leftOut} are left out: <a href="/t/demo/failures?status=all">show all</a>.`);
    expect(html).not.toContain("Nothing fails");
    expect(await listed(`/t/demo/failures${query}`, false)).toContain("Nothing fails.");
  });

  test("keeps its filters from page to page and from one filter to the other", async () => {
    const { get } = await visitor(people.operator);
    const html = await (await get("/t/demo/failures?status=all&since=deploy")).text();
    for (const address of ["status=all", "since=deploy", "status=all&amp;since=deploy&amp;cursor=1.older"])
      expect(html).toContain(`href="/t/demo/failures?${address}"`);
  });
});

test("a group is named by what its failures share, with the newest beside it, and by no sign for a number", async () => {
  const api = createFakeApi(now, answersOf({ rows: 1, text: "shop", now }));
  const [group] = (api.answers.get("GET /v1/failures") as { failures: object[] }).failures;
  const listed = { ...group, title: "mail: # validation_error", reason: "mail: 422 validation_error" };
  api.answers.set("GET /v1/failures", { failures: [listed, { ...listed, group: "g1", reason: null }], cursor: null, deploy });
  const html = await (await (await visitor(people.operator, api)).get("/t/demo/failures")).text();
  expect(html).toContain('mail: … validation_error<span class="dim"> newest: mail: 422 validation_error</span>');
  expect(html).not.toContain("mail: #");
  expect(html.match(/newest:/g)).toHaveLength(1);
});

describe("a group whose jobs are in doubt", () => {
  const shown = async (inDoubt: number, dead: number) => {
    const api = createFakeApi(now, answersOf({ rows: 2, text: "shop", now }));
    api.answers.set("GET /v1/failures/g0", { ...(api.answers.get("GET /v1/failures/g0") as object), inDoubt, dead });
    const browser = await visitor(people.operator, api);
    return { ...browser, html: await (await browser.get("/t/demo/failures/g0")).text() };
  };

  test("is settled for the ticked ones, and offers no replay while all of them are", async () => {
    const { html, post, api } = await shown(2, 2);
    expect(html).not.toMatch(/Replay( \d+)?…/);
    expect(html).toContain("Of 2 jobs it is not known whether the effect happened");
    const button = /<button name="back" value="([^"]*)" formmethod="post" formaction="([^"]*)">It did not happen</.exec(html);
    expect(button?.slice(1)).toEqual(["/t/demo/failures/g0", "/t/demo/do/settle-not-happened"]);
    const ticked: [string, string][] = [0, 1].map((place) => ["ids", idOf(place)]);
    const answer = await post(button?.[2] ?? "", [...ticked, ["back", button?.[1] ?? ""]]);
    expect([answer.status, answer.headers.get("location")]).toEqual([303, "/t/demo/failures/g0"]);
    expect(api.calls.at(-1)).toMatchObject({ path: "/v1/jobs/effects", body: { ids: [idOf(0), idOf(1)], state: "failed" } });
  });

  test("names a missing tick, and changes nothing", async () => {
    const { post, api } = await shown(2, 2);
    const answer = await post("/t/demo/do/settle-happened", { back: "/t/demo/failures/g0" }, { accept: "text/vnd.jobyard.fragment" });
    expect([answer.status, await answer.text()]).toEqual([422, "No job is ticked."]);
    expect(api.calls.filter(({ method }) => method === "POST")).toEqual([]);
  });

  test("says that a replay of it still sends", async () => {
    const api = createFakeApi(now, answersOf({ rows: 1, text: "shop", now }));
    const group = api.answers.get("GET /v1/failures/g0") as { replays: object[] };
    const html = async (change: object) => {
      api.answers.set("GET /v1/failures/g0", { ...group, dead: 3, replays: group.replays.map((replay) => ({ ...replay, ...change })) });
      return (await (await visitor(people.operator, api)).get("/t/demo/failures/g0")).text();
    };
    expect(await html({ state: "running", unsent: 3 })).toMatch(/may name these jobs (is|are) under way/);
    for (const change of [
      { state: "running", unsent: 0 },
      { state: "stopped", unsent: 3 },
    ])
      expect(await html(change)).not.toContain("under way");
  });

  test("offers a replay where others are not, and no settling where none is", async () => {
    const some = (await shown(1, 2)).html;
    expect(some).toContain("Replay 2…");
    expect(some).toContain("It happened");
    expect((await shown(0, 2)).html).not.toContain("It happened");
  });
});
