/**
 * Whether work grows with the square of its input's size: on four times the input linear work takes 4 times as long, quadratic 16 times.
 * Measured within one run and several times, because other processes use the machine as well; what is too quick has not grown.
 */
export function growsTooFast(work: (size: number) => void, size: number): boolean {
  const time = (of: number) => {
    const started = performance.now();
    work(of);
    return performance.now() - started;
  };
  for (let attempt = 0; attempt < 8; attempt++) {
    const [once, four] = [time(size), time(4 * size)];
    if (four < 20 || four < 9 * once) return false;
  }
  return true;
}
