const [width, height] = [120, 10];

/** A bar as long as the value's share of the largest. Screen readers read the number beside it. */
export function Bar({ value, max }: { value: number; max: number }) {
  const wide = max > 0 ? Math.max(value > 0 ? 1 : 0, (Math.min(value, max) / max) * width) : 0;
  return (
    <svg class="bar" viewBox={`0 0 ${width} ${height}`} width={width} height={height} aria-hidden="true">
      <rect class="ground" width={width} height={height} />
      <rect width={wide} height={height} />
    </svg>
  );
}
