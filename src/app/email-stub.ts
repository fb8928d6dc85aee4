import { toBase64 } from "../base64";
import type { EmailBinding } from "../providers/mail/cloudflare";

/** The binding of Cloudflare Email Service on a developer's machine: a server that answers `{messageId}`, or `{code}` of the error to throw. */
export function emailStub(url: string): EmailBinding {
  return {
    async send({ attachments, ...mail }) {
      const files = attachments?.map(({ content, ...file }) => ({ ...file, content: toBase64(content) }));
      const answer = await fetch(url, { method: "POST", body: JSON.stringify({ ...mail, attachments: files }) });
      const { messageId, code } = await answer.json<{ messageId?: string; code?: string }>();
      if (messageId === undefined) throw Object.assign(new Error(code), { code });
      return { messageId };
    },
  };
}
