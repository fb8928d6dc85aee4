import type { ComponentProps } from "preact";

/** A field of a form under its label. */
export function Field({ label, ...input }: { label: string } & ComponentProps<"input">) {
  return (
    <label>
      {label}
      <input {...input} />
    </label>
  );
}
