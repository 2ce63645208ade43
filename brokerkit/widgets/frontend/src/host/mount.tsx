// A view as the module that anywidget loads.
import { render, type JSX } from "preact";

import type { Host } from "./connection";
import { keepFocus } from "./focus";
import { keepKeys } from "./keys";
import { followTheme } from "./theme";

interface Mounted {
  view: JSX.Element;
  close: () => void;
}

export function mounted(make: (host: Host) => Mounted): { render: (host: Host) => () => void } {
  return {
    render(host) {
      const { view, close } = make(host);
      host.el.classList.add("bk-host");
      render(view, host.el);
      const endTheme = followTheme(host.el);
      const endKeys = keepKeys(host.el);
      const endFocus = keepFocus(host.el);
      return () => {
        endFocus();
        endTheme();
        endKeys();
        close();
        render(null, host.el);
      };
    },
  };
}
