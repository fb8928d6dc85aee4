import type { Reply } from "../../queue/effect";

/** A message for people. `text` is what a list or notification shows, `blocks` what the channel shows instead. */
export interface ChatMessage {
  /** In the channel's own mark-up; `& < >` stand for themselves only when escaped. */
  text: string;
  blocks?: readonly unknown[] | undefined;
}

/** A tenant's channel. */
export interface Chat {
  /** `ok` means that the message was posted. Never throws; a failure's reason holds no text of the message and no address. */
  post(message: ChatMessage, signal: AbortSignal): Promise<Reply<{ posted: true }>>;
}

declare module "../../queue/job" {
  interface Capabilities {
    chat: Chat;
  }
}
