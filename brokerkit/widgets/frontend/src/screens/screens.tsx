// The views that share one place: the first screen, and the workbench of what was chosen there.
import { computed, signal, type ReadonlySignal } from "@preact/signals";
import { useMemo } from "preact/hooks";

import { Browser } from "../browse/browse";
import type { Line as BrowseLine } from "../browse/store";
import { connect, type Connection } from "../host/connection";
import { mounted } from "../host/mount";
import { Opening, type Line as OpeningLine } from "../opening/opening";
import { DashboardScreen, type Line as DashboardLine } from "../dashboard/dashboard";
import type {
  BrowseDone,
  BrowseShown,
  BrowseState,
  DashboardDone,
  DashboardShown,
  DashboardState,
  OpeningDone,
  OpeningState,
} from "../protocol";

type Shown = BrowseState | OpeningState | DashboardState;
type Line = Connection<Shown, BrowseShown | DashboardShown, BrowseDone | OpeningDone | DashboardDone>;

const isOpening = (state: Shown): state is OpeningState => "screen" in state && state.screen === "open";
const isDashboard = (state: Shown): state is DashboardState =>
  "screen" in state && state.screen === "dashboard";
const isBrowse = (state: Shown): state is BrowseState => !("screen" in state);

/** The states of one screen: its last one stays while another screen is shown. */
export function statesOf<State extends Shown>(
  state: ReadonlySignal<Shown>,
  belongs: (each: Shown) => each is State,
): ReadonlySignal<State> | null {
  const first = state.peek();
  if (!belongs(first)) return null;
  const last = signal(first);
  return computed(() => {
    const now = state.value;
    return belongs(now) ? (last.value = now) : last.peek();
  });
}

function Screens({ line }: { line: Line }) {
  const now = line.state.value;
  const screen = "screen" in now ? now.screen : "browse";
  const lines = useMemo(() => {
    const open = statesOf(line.state, isOpening);
    const dashboard = statesOf(line.state, isDashboard);
    const browse = statesOf(line.state, isBrowse);
    return {
      open: open && ({ ...line, state: open } as unknown as OpeningLine),
      dashboard: dashboard && ({ ...line, state: dashboard } as unknown as DashboardLine),
      browse: browse && ({ ...line, state: browse } as unknown as BrowseLine),
    };
  }, [line, screen]);
  if (lines.open) return <Opening line={lines.open} />;
  if (lines.dashboard) return <DashboardScreen line={lines.dashboard} />;
  return lines.browse && <Browser line={lines.browse} />;
}

export default mounted((host) => {
  const line: Line = connect(host);
  return { view: <Screens line={line} />, close: line.close };
});
