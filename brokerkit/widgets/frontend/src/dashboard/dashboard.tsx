// The view of `s.dashboard()`: figures, what needs a look, and all topics.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { AnswersOf } from "../host/answers";
import type { Connection } from "../host/connection";
import { CallBar } from "../parts/call_bar";
import { HeldSelect } from "../parts/held_select";
import { Icon } from "../parts/icons";
import { KernelBanner } from "../parts/kernel_banner";
import { Moment } from "../parts/moment";
import { Marks } from "../parts/marks";
import { Bdi } from "../parts/plain";
import type { Concern, DashboardDone, DashboardShown, DashboardState, Figure, RatesShown } from "../protocol";
import { Rates } from "./rates";
import { Spark } from "./spark";
import "./dashboard.css";

export type Line = Connection<DashboardState, DashboardShown, DashboardDone>;

const RHYTHMS = [1, 2, 5, 10, 30, 60, 300];
const POINTS = 30;

/** The rhythms to choose from, with the one that is set. */
export function rhythms(every: number): number[] {
  return RHYTHMS.includes(every) ? RHYTHMS : [...RHYTHMS, every].sort((a, b) => a - b);
}

function Head({ line }: { line: Line }) {
  const now = line.state.value;
  const going = now.running && !now.paused;
  return (
    <div class="bk-header">
      <div class="bk-title">
        <h2 class="bk-cut">
          <Bdi>{now.session}</Bdi>
        </h2>
        <Marks marks={now.marks} />
        <span class="bk-dim bk-cut bk-hide-xs">{now.facts}</span>
      </div>
      <span class="bk-dim bk-nowrap bk-hide-s">
        {!now.running ? "stopped" : now.paused ? "paused" : "refreshed"}
        {now.refreshed && (
          <>
            {going ? " " : " at "}
            <Moment at={now.refreshed_at}>{now.refreshed}</Moment>
          </>
        )}
      </span>
      <label class="bk-in">
        <Icon sign="sync" />
        <HeldSelect
          label="Look every"
          value={String(now.every)}
          disabled={now.closed}
          onChoose={(chosen) => {
            line.send({ type: "every", seconds: Number(chosen) });
          }}
        >
          {rhythms(now.every).map((each) => (
            <option key={each} value={String(each)}>
              every {each} s
            </option>
          ))}
        </HeldSelect>
      </label>
      <button
        type="button"
        class="bk-btn bk-quiet bk-square"
        aria-label={going ? "Pause" : "Go on"}
        title={going ? "Pause" : "Go on"}
        disabled={now.closed}
        onClick={() => {
          if (!now.running) line.send({ type: "refresh" });
          if (now.paused || going) line.send({ type: going ? "pause" : "resume" });
        }}
      >
        <Icon sign={going ? "pause" : "play"} />
      </button>
      <button
        type="button"
        class="bk-btn bk-quiet bk-square"
        aria-label="Stop"
        title="Stop: look no more"
        disabled={!now.running}
        onClick={() => {
          line.send({ type: "stop" });
        }}
      >
        <Icon sign="stop" />
      </button>
    </div>
  );
}

function Figures({ figures }: { figures: Figure[] }) {
  return (
    <div class="bk-stats">
      {figures.map((each) => (
        <div key={each.name}>
          <span class="bk-cap">{each.name}</span>
          <b class={each.level && `bk-${each.level}`}>{each.value}</b>
          {each.points.length > 0 && <Spark points={each.points} most={POINTS} />}
          {each.note && (
            <span class="bk-dim bk-cut bk-block" title={each.note}>
              <Bdi>{each.note}</Bdi>
            </span>
          )}
        </div>
      ))}
    </div>
  );
}

function Concerns({ line, concerns }: { line: Line; concerns: Concern[] }) {
  if (!concerns.length) return null;
  return (
    <section class="bk-card" aria-label="Needs a look">
      <div class="bk-card-head">
        <h3>Needs a look</h3>
      </div>
      <ul class="bk-concerns">
        {concerns.map((each) => (
          <li class="bk-line" key={`${String(each.n)} ${each.tab} ${each.subject}`}>
            <span class={each.sign === "warn" ? "bk-warn" : "bk-bad"}>
              <Icon sign={each.sign} />
            </span>
            <span class="bk-grow bk-problem">
              <b>
                <Bdi>{each.subject}</Bdi>
              </b>{" "}
              <Moment at={each.at}>
                <Bdi>{each.text}</Bdi>
              </Moment>
            </span>
            <button
              type="button"
              class="bk-link"
              aria-label={`${each.action}: ${each.subject}`}
              onClick={() => {
                line.send({ type: "topic", n: each.n, tab: each.tab });
              }}
            >
              {each.action}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

export function DashboardScreen({ line }: { line: Line }) {
  return (
    <AnswersOf.Provider value={line}>
      <Dashboard line={line} />
    </AnswersOf.Provider>
  );
}

function Dashboard({ line }: { line: Line }) {
  const now = line.state.value;
  const shown = useSignal<RatesShown | null>(null);
  useEffect(() => {
    line.listen((message) => {
      shown.value = message;
    });
  }, [line, shown]);
  return (
    <div class={`bk bk-panel${now.marks.includes("PRODUCTION") ? " bk-prod" : ""}`}>
      <div class="bk-frame bk-dashboard">
        <KernelBanner line={line.line} ended={line.ended} />
        <Head line={line} />
        {now.closed && (
          <div class="bk-banner bk-is-warn" role="status">
            <Icon sign="lock" />
            <span>
              <b>This session was closed.</b> What you see is the last look; connect again, and run the cell.
            </span>
          </div>
        )}
        {now.problem && !now.closed && (
          <div class="bk-banner bk-is-bad" role="alert">
            <Icon sign="bad" />
            <span class="bk-problem">{now.problem}</span>
          </div>
        )}
        <div class="bk-pad">
          <Figures figures={now.figures} />
          {now.notes.map((note) => (
            <p class="bk-dim" key={note}>
              <Icon sign="info" /> {note}
            </p>
          ))}
          <Concerns line={line} concerns={now.concerns} />
          <Rates line={line} shown={shown.value} />
        </div>
        <CallBar label="The Python call that makes this dashboard" call={now.call} foot />
      </div>
    </div>
  );
}
