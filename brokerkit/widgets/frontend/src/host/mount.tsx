// A view as the module that anywidget loads.
import { render, type JSX } from "preact";

import type { Host } from "./connection";

interface Mounted {
  view: JSX.Element;
  close: () => void;
}

export function mounted(make: (host: Host) => Mounted): { render: (host: Host) => () => void } {
  return {
    render(host) {
      const { view, close } = make(host);
      render(view, host.el);
      return () => {
        close();
        render(null, host.el);
      };
    },
  };
}
