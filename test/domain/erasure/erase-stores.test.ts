import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { createMediaDeps } from "../../../src/app/media";
import { createAgentRuns } from "../../../src/domain/agents/store";
import { listMedia, mediaAbout } from "../../../src/domain/media/queries";
import { registerVersion, setHumanText } from "../../../src/domain/media/store";
import { noon } from "../../support/rows";
import { jobOf, storeAs } from "./rows";
import { statesOf } from "../../support/jobs-of";
import { ledger, payloads, leads, nothing } from "./erase-bench";

describe("erasing a person", () => {
  test("removes pictures that are about the person or named after them, and alt texts that name them", async () => {
    const tenant = "pictures";
    const { objects } = createMediaDeps(env as never, () => noon);
    await storeAs(tenant, "seen", { email: "seen@x.example", phone: "+49 171 5551234", phoneKey: "+491715551234" });
    const pictures: [key: string, about: string[], text: string | null][] = [
      ["selfie.jpg", ["lead:seen"], null],
      ["cv/seen@x.example/photo.jpg", [], null],
      ["card.jpg", [], "A business card: Seen, +49 171 5551234"],
      ["shop.jpg", ["lead:other"], "The front of a shop"],
    ];
    for (const [key, about, text] of pictures) {
      await env.MEDIA.put(`${tenant}/${key}`, "bytes");
      await registerVersion(
        { db: env.DB, tenant, key },
        { etag: "e", size: 5, uploaded: 0 },
        { format: "jpeg", width: 1, height: 1, issue: null },
        about,
        noon,
      );
      if (text !== null) await setHumanText({ db: env.DB, tenant, key }, text, noon);
    }
    const person = { email: "seen@x.example", together: true };
    expect(await leads.erase(tenant, person)).toEqual({ ...nothing, leads: 1, submissions: 1, media: 2, altTexts: 1 });
    const { media } = await listMedia({ db: env.DB, tenant }, "", { after: "", limit: 10 });
    expect(media.map(({ key, altText }) => [key, altText?.text])).toEqual([
      ["card.jpg", undefined],
      ["shop.jpg", "The front of a shop"],
    ]);
    expect([await objects.head(tenant, "selfie.jpg"), await mediaAbout(env.DB, tenant, ["lead:seen"])]).toEqual([null, []]);
    expect(await objects.head(tenant, "shop.jpg")).not.toBeNull();
    expect(await leads.erase(tenant, { ...person, cursor: "mcard.jpg" })).toEqual(nothing);
  });

  test("removes runs of agents that name the person in an answer, a tool's output in R2, or a proposal, and cancels one that waits", async () => {
    const tenant = "agents";
    const runs = createAgentRuns(env.DB, payloads, tenant);
    const long = "x".repeat(20_000);
    const texts = { answer: "Call asked@x.example back.", far: `${long} asked@x.example`, proposal: "Nothing.", other: "someasked@x.example" };
    const ofRun: Record<string, string> = {};
    for (const [name, text] of Object.entries(texts)) {
      const row = await jobOf(tenant, { type: "agent", payload: JSON.stringify({ agentType: "sync-doctor" }) });
      await ledger.insert([row]);
      const run = { job: row.id, agent: "sync-doctor", revision: 0 };
      ofRun[name] = row.id;
      await runs.open({ ...run, dry: false, inputHash: "" }, noon);
      const step = {
        step: 1,
        place: 0,
        kind: "tool" as const,
        tokens: 0,
        micros: 0,
        body: { tool: "look", input: {}, output: text, reads: "untrusted" as const },
      };
      const proposal = { step: 1, place: 1, tool: "t", body: { to: name === "proposal" ? "Asked@X.example" : "" }, expiresAt: noon };
      await env.DB.batch([...(await runs.stepWrites(run, step, noon)).writes, ...runs.proposeWrites(run, proposal, noon)] as D1PreparedStatement[]);
    }
    expect((await env.PAYLOADS.list({ prefix: `${tenant}/` })).objects).toHaveLength(1);
    expect(await leads.erase(tenant, { email: "asked@x.example" })).toEqual({ ...nothing, jobs: 3 });
    for (const table of ["agent_runs", "agent_steps", "agent_proposals"]) {
      const { results } = await env.DB.prepare(`SELECT job FROM ${table} WHERE tenant = ?`).bind(tenant).all();
      expect(results).toEqual([{ job: ofRun["other"] }]);
    }
    expect((await env.PAYLOADS.list({ prefix: `${tenant}/` })).objects).toEqual([]);
    expect(await statesOf(tenant)).toEqual({ cancelled: 3, queued: 1 });
    expect(await leads.erase(tenant, { email: "asked@x.example", cursor: "a" })).toEqual(nothing);
  });
});
