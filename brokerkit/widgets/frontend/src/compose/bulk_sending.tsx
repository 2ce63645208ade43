// Sending many messages: how fast, a dry run, progress, stopping, and going on.
import { useSignal } from "@preact/signals";

import { Counts } from "../browse/receipts";
import { DraftInput } from "../parts/draft_input";
import { Icon } from "../parts/icons";
import { Bdi } from "../parts/plain";
import type { BulkDone, BulkShown, ComposeState } from "../protocol";
import { ConfirmName } from "./confirming";

interface Props {
  now: ComposeState;
  bulk: BulkShown;
  send: (message: BulkDone) => void;
}

function Progress({ bulk, stop }: { bulk: BulkShown; stop: () => void }) {
  const all = Math.max(1, bulk.total);
  return (
    <>
      <progress class="bk-grow" max={all} value={bulk.done} aria-label="How many were tried" />
      <span class="bk-nowrap" role="status">
        {`${bulk.done.toLocaleString("en")} of ${bulk.total.toLocaleString("en")} rows tried`}
      </span>
      <button type="button" class="bk-btn" disabled={bulk.stopping} onClick={stop}>
        <Icon sign="stop" />
        {bulk.stopping ? "Stopping…" : "Stop"}
      </button>
    </>
  );
}

function Settings({ bulk, send }: Omit<Props, "now">) {
  return (
    <>
      <label class="bk-in">
        <span class="bk-dim">At most</span>
        <DraftInput
          size={6}
          label="At most so many a second"
          placeholder="no limit"
          value={bulk.rate}
          disabled={bulk.running}
          onSet={(text) => {
            send({ type: "bulk set", rate: text });
          }}
        />
        <span class="bk-dim">a second</span>
      </label>
      <label
        class="bk-in"
        title="A file where the kernel is: the same rows go on with it, also after a restart"
      >
        <span class="bk-dim">Journal</span>
        <DraftInput
          size={16}
          label="Journal: a file of outcomes"
          placeholder="none"
          value={bulk.journal}
          disabled={bulk.running || bulk.again}
          onSet={(text) => {
            send({ type: "bulk set", journal: text });
          }}
        />
      </label>
    </>
  );
}

export function BulkSending({ now, bulk, send }: Props) {
  const asking = useSignal(false);
  const left = bulk.left.toLocaleString("en");
  const done = (confirm: string | null) => {
    asking.value = false;
    send({ type: "bulk send", confirm, again: bulk.again });
  };
  const busy = bulk.checking || Boolean(bulk.receiving);
  const sent = bulk.again && !bulk.checking && bulk.left === 0;
  return (
    <>
      {bulk.dry_run && (
        <p class="bk-box bk-inset" role="status">
          <b>Dry run</b> <Bdi>{bulk.dry_run}</Bdi>
        </p>
      )}
      {bulk.problem && (
        <p class="bk-problem" role="alert">
          <Icon sign="bad" /> <Bdi>{bulk.problem}</Bdi>
        </p>
      )}
      <div class="bk-dim">{now.refused ? `Not offered: ${now.refused}.` : bulk.left ? now.effect : ""}</div>
      <div class="bk-head">
        <Settings bulk={bulk} send={send} />
        {bulk.running ? (
          <Progress
            bulk={bulk}
            stop={() => {
              send({ type: "bulk stop" });
            }}
          />
        ) : (
          <>
            <span class="bk-grow bk-line" role="status">
              <Counts counts={bulk.counts} />
              {bulk.again && bulk.bad > 0 && (
                <span class="bk-dim">{`${bulk.bad.toLocaleString("en")} left out`}</span>
              )}
              {bulk.said && <span class="bk-dim">{bulk.said}</span>}
            </span>
            {bulk.again && (
              <button
                type="button"
                class="bk-btn"
                onClick={() => {
                  send({ type: "bulk forget" });
                }}
              >
                Start over
              </button>
            )}
            {!bulk.again && (
              <button
                type="button"
                class="bk-btn"
                disabled={!bulk.ready || busy}
                onClick={() => {
                  send({ type: "bulk dry run" });
                }}
              >
                Dry run
              </button>
            )}
            <button
              type="button"
              class="bk-btn bk-fill"
              disabled={Boolean(now.refused) || !bulk.left || busy || sent}
              onClick={(event) => {
                if (event.detail > 1) return; // a double click sends once
                if (now.confirm) asking.value = true;
                else done(null);
              }}
            >
              <Icon sign="send" />
              {bulk.again && !sent ? `Go on with ${left}` : bulk.left ? `Send ${left}` : "Send"}
            </button>
          </>
        )}
      </div>
      {asking.value && !bulk.running && (
        <ConfirmName
          topic={now.topic}
          onConfirm={done}
          onCancel={() => {
            asking.value = false;
          }}
        />
      )}
    </>
  );
}
