// The view of `s.tail()` in a cell of its own.
import { connect } from "../host/connection";
import { mounted } from "../host/mount";
import { TailView, type Line } from "./view";
import "../parts/panel.css";

export default mounted((host) => {
  const line: Line = connect(host);
  return {
    view: (
      <div class="bk bk-panel bk-alone">
        <TailView line={line} />
      </div>
    ),
    close: line.close,
  };
});
