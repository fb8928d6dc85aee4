import type { Size } from "./structure";

/**
 * How a picture fills a box. `scale-down`: whole, within the box. `cover`: the box is filled, what stands out is cut off.
 * `pad`: whole, the rest of the box is filled with white.
 */
export const fits = ["scale-down", "cover", "pad"] as const;
type Fit = (typeof fits)[number];

/** The size of the result. A picture is never enlarged: a box that is too large shrinks, and keeps its shape. */
export function planned({ width, height }: Size, box: Size & { fit: Fit }): Size {
  const ratios = [box.width / width, box.height / height] as const;
  if (box.fit === "scale-down") return scaled({ width, height }, Math.min(1, ...ratios));
  const filled = box.fit === "cover" ? Math.max(...ratios) : Math.min(...ratios);
  return scaled(box, Math.min(1, 1 / filled));
}

function scaled({ width, height }: Size, factor: number): Size {
  return { width: Math.max(1, Math.round(width * factor)), height: Math.max(1, Math.round(height * factor)) };
}
