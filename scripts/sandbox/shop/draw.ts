/** A number from 0 to `below - 1` that is the same for the same seed, name and id: rows are made when they are asked for. */
export type Draw = (name: string, id: number, below: number) => number;

export function draws(seed: number): Draw {
  return (name, id, below) => mixed(seed, name, id) % Math.max(1, below);
}

function mixed(seed: number, name: string, id: number): number {
  let hash = (seed ^ 0x9e3779b9) >>> 0;
  for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193) >>> 0;
  hash = Math.imul(hash ^ id, 0x85ebca6b) >>> 0;
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35) >>> 0;
  return (hash ^ (hash >>> 16)) >>> 0;
}
