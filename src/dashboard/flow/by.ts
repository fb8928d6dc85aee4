/** Who did it: what the token is called, where that is known. */
export function byOf({ actor, actorName }: { actor: string | null; actorName: string | null }): string {
  return actorName ?? actor ?? "unknown";
}
