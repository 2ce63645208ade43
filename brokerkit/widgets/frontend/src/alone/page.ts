// The workbench alone in a tab: what a notebook is to a widget elsewhere, here is one socket.
import type { Host, HostModel } from "../host/connection";
import "./page.css";

type Listener = (value: never) => void;

/** The side of the widget that a notebook keeps, over a socket. */
export class SocketModel implements HostModel {
  readonly ended = "Load this page again. If that does not help, run `brokerkit browse` again.";
  private state: unknown = undefined;
  private readonly listeners = new Map<string, Set<Listener>>();

  constructor(
    private readonly socket: Pick<WebSocket, "send" | "readyState">,
    private readonly ready: () => void,
  ) {}

  /** A part of the front end that is beside this page. */
  load(name: string): Promise<unknown> {
    const address = `/${name}.js`;
    return import(address);
  }

  get(): unknown {
    return this.state;
  }

  send(message: unknown): void {
    if (this.socket.readyState !== 1) throw new Error("the server has ended");
    this.socket.send(JSON.stringify(message));
  }

  on(event: string, listener: Listener): void {
    const known = this.listeners.get(event) ?? new Set();
    this.listeners.set(event, known.add(listener));
  }

  off(event: string, listener: Listener): void {
    this.listeners.get(event)?.delete(listener);
  }

  take(text: string): void {
    const said = JSON.parse(text) as { state?: unknown; message?: unknown };
    if ("message" in said) {
      this.tell("msg:custom", said.message);
      return;
    }
    const first = this.state === undefined;
    this.state = said.state;
    if (first) this.ready();
    else this.tell("change:state", undefined);
  }

  end(): void {
    this.tell("comm_live_update", undefined);
  }

  private tell(event: string, value: unknown): void {
    for (const listener of this.listeners.get(event) ?? []) listener(value as never);
  }
}

async function show(el: HTMLElement): Promise<void> {
  // the bundle that notebooks load, too, beside this one
  const address = "/browse.js";
  const { default: view } = (await import(address)) as { default: { render(host: Host): unknown } };
  const socket = new WebSocket(`ws://${location.host}/socket`);
  const model = new SocketModel(socket, () => view.render({ model, el }));
  socket.onmessage = (event: MessageEvent<string>) => {
    model.take(event.data);
  };
  socket.onclose = () => {
    model.end();
  };
}

if (typeof document !== "undefined") {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => {
    document.documentElement.dataset["theme"] = dark.matches ? "dark" : "light";
  };
  dark.addEventListener("change", follow);
  follow();
  const place = document.getElementById("place");
  if (place) void show(place);
}
