import type { Suppressions } from "../../src/domain/suppressions/capability";

/** These addresses get no mail, unsubscribed ones no bulk mail; without any, each recipient gets it. */
export function fakeSuppressions(suppressed: Readonly<Record<string, "bounce" | "unsubscribe">> = {}): Suppressions {
  return {
    split: async (recipients, bulk) => {
      const skipped = recipients.flatMap((address) => {
        const reason = suppressed[address];
        return reason && (reason === "bounce" || bulk) ? [{ address, reason }] : [];
      });
      return { to: recipients.filter((each) => !skipped.some(({ address }) => address === each)), skipped };
    },
    unsubscribe: async (recipient) => {
      const url = `https://jobs.example.com/u/${recipient.length}`;
      return { url, headers: { "List-Unsubscribe": `<${url}>`, "List-Unsubscribe-Post": "List-Unsubscribe=One-Click" } };
    },
  };
}
