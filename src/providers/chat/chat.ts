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
   * `ok` means that the message was posted; code `gone` that none ever will be, until the settings change.
   * Never throws; a failure's reason holds no text of the message and no address.
   */
  post(message: ChatMessage, signal: AbortSignal): Promise<Reply<{ posted: true }>>;
}

/** A tenant's channel. */
export interface Chat extends Channel {
  /** The channel is gone: no event goes there until the tenant sets it again. `job` is who found out. Throws when that cannot be written. */
  retire(reason: string, job: string): Promise<void>;
}

declare module "../../queue/job" {
  interface Capabilities {
    chat: Chat;
  }
}
