import type { Reply } from "../../queue/effect";

/** A message. Lists and notifications show `text`, the channel shows `blocks` instead. */
interface ChatMessage {
  /** In the channel's mark-up; `& < >` must be escaped. */
  text: string;
  blocks?: readonly unknown[] | undefined;
}

/** A channel. */
export interface Channel {
  /**
   * `ok`: the message was posted. Code `gone`: the channel accepts no message until the settings change.
   * Never throws; a failure's reason contains no text of the message and no address.
   */
  post(message: ChatMessage, signal: AbortSignal): Promise<Reply<{ posted: true }>>;
}

interface Chat extends Channel {
  /** Switches the channel off until the tenant sets it again. `job`: the job whose call was refused. Throws when the write fails. */
  retire(reason: string, job: string): Promise<void>;
}

declare module "../../queue/job" {
  interface Capabilities {
    chat: Chat;
  }
}
