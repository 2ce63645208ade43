/** Run an action a while after the last of several calls; `now` runs it at once if it is due. */
export function later(action: () => void, wait: number): { (): void; now(): void; drop(): void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const drop = () => {
    clearTimeout(timer);
    timer = undefined;
  };
  const run = () => {
    drop();
    timer = setTimeout(() => {
      timer = undefined;
      action();
    }, wait);
  };
  return Object.assign(run, {
    drop,
    now() {
      if (timer === undefined) return;
      drop();
      action();
    },
  });
}
