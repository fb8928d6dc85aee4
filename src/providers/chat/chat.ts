import type { Reply } from "../../queue/effect";

/** A message for people. `text` is what a list or notification shows, `blocks` what the channel shows instead. */
export interface ChatMessage {
  /** In the channel's own mark-up; `& < >` stand for themselves only when escaped. */
  text: string;
  blocks?: readonly unknown[] | undefined;
}

/** A channel. */
export interface Channel {
  /**
   * `ok`: the message was posted. Code `gone`: the channel takes no message until the settings change.
   * Never throws; a failure's reason holds no text of the message and no address.
   */
  post(message: ChatMessage, signal: AbortSignal): Promise<Reply<{ posted: true }>>;
}

/** A tenant's channel. */
export interface Chat extends Channel {
  /** Switches the channel off until the tenant sets it again. `job`: the job whose call found it gone. Throws when that cannot be written. */
  retire(reason: string, job: string): Promise<void>;
}

declare module "../../queue/job" {
  interface Capabilities {
    chat: Chat;
  }
}
