/** Run an action a while after the last of several calls; `now` runs it at once if it is due. */
export function later<Given extends unknown[]>(
  action: (...given: Given) => void,
  wait: number,
): { (...given: Given): void; now(): void; drop(): void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let last: Given;
  const drop = () => {
    clearTimeout(timer);
    timer = undefined;
  };
  const run = (...given: Given) => {
    drop();
    last = given;
    timer = setTimeout(() => {
      timer = undefined;
      action(...last);
    }, wait);
  };
  return Object.assign(run, {
    drop,
    now() {
      if (timer === undefined) return;
      drop();
      action(...last);
    },
  });
}
