const [width, height] = [96, 20];

/** A row of bars, the newest at the right. */
export function Spark({ values, label }: { values: readonly number[]; label: string }) {
  const highest = Math.max(1, ...values);
  const wide = width / Math.max(1, values.length);
  return (
    <svg class="spark" viewBox={`0 0 ${width} ${height}`} width={width} height={height} role="img" aria-label={label}>
      {values.map((value, index) => {
        const tall = value === 0 ? 1 : Math.max(2, (value / highest) * height);
        return <rect key={index} class={value === 0 ? "none" : undefined} x={index * wide} y={height - tall} width={Math.max(1, wide - 1)} height={tall} />;
      })}
    </svg>
  );
}
