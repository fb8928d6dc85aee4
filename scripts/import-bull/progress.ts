/** Shows how far a command is: a bar on a terminal, a line every few seconds elsewhere. */
export interface Progress {
  show(label: string, done: number, total: number, note?: string): void;
  /** A sentence of its own. */
  print(sentence: string): void;
  end(): void;
}

const width = 30;
const lineEvery = 5000;

export function createProgress(stream: NodeJS.WriteStream, now: () => number): Progress {
  let shown = 0;
  let last = "";
  let open = false;
  const clear = () => {
    if (open) stream.write("\r\x1b[K");
    open = false;
  };
  return {
    show(label, done, total, note = "") {
      if (now() - shown < (stream.isTTY ? 100 : lineEvery) && done < total) return;
      shown = now();
      const counts = `${done.toLocaleString("en")} of ${Math.max(done, total).toLocaleString("en")}${note}`;
      if (!stream.isTTY) return void (last !== (last = `${label}: ${counts}`) && stream.write(`${last}\n`));
      const filled = total === 0 ? width : Math.min(width, Math.floor((width * done) / total));
      clear();
      stream.write(`${label} ${"█".repeat(filled)}${"░".repeat(width - filled)} ${counts}`);
      open = true;
    },
    print(sentence) {
      clear();
      stream.write(`${sentence}\n`);
    },
    end: clear,
  };
}
