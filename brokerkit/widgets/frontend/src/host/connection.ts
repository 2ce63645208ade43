// The line to the model in Python: its state as a signal, messages in and out, and whether it still answers.
import { signal, type ReadonlySignal } from "@preact/signals";

import { Numbers, type Answers } from "./answers";
import { watchSight } from "./sight";

/** What anywidget hands to a view. */
export interface HostModel {
  get(name: string): unknown;
  send(message: unknown): void;
  on(event: string, listener: (value: never) => void): void;
  off(event: string, listener: (value: never) => void): void;
  widget_manager?: unknown;
  /** What to do when it has ended, where there is no notebook. */
  ended?: string;
  /** Loads a part of the front end; a notebook has it from Python. */
  load?(name: string): Promise<unknown>;
}

export interface Host {
  model: HostModel;
  el: HTMLElement;
}

/** Whether a click arrives: it does, no answer came for a while or for long, or there is no kernel any more. */
export type Line = "open" | "silent" | "lost" | "dead";

export interface Connection<
  State,
  Shown extends { type: string },
  Done extends { type: string },
> extends Answers {
  state: ReadonlySignal<State>;
  line: ReadonlySignal<Line>;
  ended?: string | undefined;
  load?: ((name: string) => Promise<unknown>) | undefined;
  send(message: Done): void;
  listen(handle: (message: Shown) => void): void;
  close(): void;
}

const BEAT = 20_000;
/** Away for so long, a view may have missed something. */
const MISSED = 30_000;
const PATIENCE = 5_000;
const LONG = 120_000;

export function connect<State, Shown extends { type: string }, Done extends { type: string }>({
  model,
  el,
}: Host): Connection<State, Shown, Done> {
  const state = signal(model.get("state") as State);
  const line = signal<Line>("open");
  const numbers = new Numbers();
  let waiting: ReturnType<typeof setTimeout> | undefined;
  let listener: (message: Shown) => void = () => undefined;

  const alive = () => {
    clearTimeout(waiting);
    waiting = undefined;
    if (line.value !== "open") line.value = "open";
  };
  const send = (message: { type: string }) => {
    if (line.value === "dead") return;
    try {
      model.send(numbers.numbered(message));
    } catch {
      line.value = "dead";
      return;
    }
    // each message is answered, at least by `here`
    waiting ??= setTimeout(() => {
      if (line.value === "open") line.value = "silent";
      waiting = setTimeout(() => {
        if (line.value === "silent") line.value = "lost";
      }, LONG - PATIENCE);
    }, PATIENCE);
  };
  const onState = () => {
    alive();
    state.value = model.get("state") as State;
  };
  const onMessage = (message: Shown | { type: "here"; nth?: string }) => {
    alive();
    // it comes after all that the message brought about
    if (message.type === "here") numbers.hear((message as { nth?: string }).nth);
    else listener(message as Shown);
  };
  // the widget manager says so when it loses the kernel; whatever is heard after that comes from a new one
  const onLive = () => {
    line.value = "dead";
  };
  // without signs of a viewer, Python sends nothing after a while, and asks the broker for nothing
  const sight = watchSight(el, (away) => {
    send({ type: away > MISSED ? "hello" : "here" });
  });
  const beat = setInterval(() => {
    if (sight.seen) send({ type: "here" });
  }, BEAT);

  model.on("change:state", onState);
  model.on("msg:custom", onMessage);
  model.on("comm_live_update", onLive);
  return {
    state,
    line,
    sent: numbers.sent,
    heard: numbers.heard,
    ended: model.ended,
    load: model.load && ((name) => model.load?.(name) ?? Promise.reject(new Error("not here"))),
    send,
    listen(handle) {
      listener = handle;
      send({ type: "hello" });
    },
    close() {
      clearInterval(beat);
      clearTimeout(waiting);
      sight.close();
      model.off("change:state", onState);
      model.off("msg:custom", onMessage);
      model.off("comm_live_update", onLive);
    },
  };
}
