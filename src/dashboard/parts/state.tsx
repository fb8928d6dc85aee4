/** A state as sign, word and colour; sign and word are enough without the colour. */
const kinds: Readonly<Record<string, readonly [kind: StateKind, sign: string]>> = {
  queued: ["rest", "○"],
  scheduled: ["rest", "◷"],
  cancelled: ["rest", "⊘"],
  paced: ["rest", "◷"],
  idle: ["rest", "○"],
  draft: ["rest", "○"],
  closed: ["well", "✓"],
  running: ["moving", "●"],
  flowing: ["moving", "●"],
  "half-open": ["held", "◐"],
  done: ["well", "✓"],
  ok: ["well", "✓"],
  ran: ["well", "✓"],
  waiting: ["held", "◑"],
  held: ["held", "◑"],
  "partly-held": ["held", "◑"],
  "at-limit": ["held", "◑"],
  behind: ["held", "◑"],
  "no-worker": ["broken", "✖"],
  ready: ["rest", "○"],
  retrying: ["held", "↻"],
  retry: ["held", "↻"],
  again: ["moving", "●"],
  checkpoint: ["rest", "⚑"],
  crashed: ["broken", "✖"],
  paused: ["held", "‖"],
  stopped: ["held", "‖"],
  skipped: ["held", "»"],
  resolved: ["well", "✓"],
  ignored: ["rest", "⊘"],
  warning: ["held", "▲"],
  info: ["rest", "ℹ"],
  pending: ["doubt", "?"],
  uncertain: ["doubt", "?"],
  intent: ["doubt", "?"],
  unknown: ["doubt", "?"],
  dead: ["broken", "✖"],
  discarded: ["broken", "✖"],
  failed: ["broken", "✖"],
  failing: ["broken", "✖"],
  open: ["broken", "✖"],
  critical: ["broken", "✖"],
};

export type StateKind = "rest" | "moving" | "well" | "held" | "broken" | "doubt";

export function stateKind(state: string): StateKind {
  return kinds[state]?.[0] ?? "rest";
}

/** The sign alone, for places where the state's name is beside it or in its title. */
export function signOf(state: string): string {
  return kinds[state]?.[1] ?? "○";
}

/** States whose name is no English. */
const words: Readonly<Record<string, string>> = { "no-worker": "no worker", "at-limit": "at its limit", "partly-held": "partly held" };

/** `word`: text in place of the state's name. */
export function State({ is, word = words[is] ?? is }: { is: string; word?: string }) {
  const [kind, sign] = kinds[is] ?? ["rest", "○"];
  return (
    <span class={`state ${kind}`}>
      <span aria-hidden="true">{sign}</span>
      {"\u00a0"}
      {word}
    </span>
  );
}
