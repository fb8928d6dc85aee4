import type { ComponentChildren } from "preact";

/** A name and its value, in a list of class `facts`. */
export function Fact({ name, value }: { name: string; value: ComponentChildren }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </>
  );
}
