// Who reads a topic, and how far each has come.
import { useCallback, useRef } from "preact/hooks";

import { Spark } from "../dashboard/spark";
import { useWhileInSight } from "../parts/in_sight";
import { Moment } from "../parts/moment";
import { Bdi } from "../parts/plain";
import type { LagShown, SubscriptionShown } from "../protocol";
import { Bar, Card, Empty, Heads, PairTable, type Column } from "./card";
import { LagCard } from "./lag";
import { ResetCard } from "./reset";
import type { Store } from "./store";

interface OneProps {
  store: Store;
  one: SubscriptionShown;
  lag: LagShown | null;
}

const SPARK = 30;

function Subscription({ store, one, lag }: OneProps) {
  const aged = one.progress.some(({ oldest }) => oldest);
  // what was looked at since has no ages: reading those costs more
  const mine = lag?.subscription === one.name ? lag : null;
  const since = mine?.progress ?? [];
  const progress = one.progress.map((before) => {
    const now = since.find(({ partition }) => partition === before.partition);
    if (!now) return before;
    const same = now.committed === before.committed;
    return { ...now, oldest: same ? before.oldest : "", oldest_at: same ? before.oldest_at : null };
  });
  return (
    <>
      <p>
        <Bdi>{(mine && mine.described) || one.head}</Bdi>
      </p>
      <div class="bk-cards">
        <div class="bk-card-stack">
          <LagCard shown={lag} name={one.name} />
          <Card title="Per partition">
            <table class="bk-table">
              <Heads
                columns={[
                  ["Partition", true],
                  ["Settled", true],
                  ["End", true],
                  ["Lag", true],
                  [""],
                  ...(aged ? ([["Oldest unread", true]] as Column[]) : []),
                ]}
              />
              <tbody>
                {progress.map((each, index) => (
                  <tr key={index}>
                    <td class="bk-number">{each.partition}</td>
                    <td class="bk-number">{each.committed}</td>
                    <td class="bk-number">{each.end}</td>
                    <td class="bk-number">{each.lag}</td>
                    <td class="bk-share">
                      <Bar share={each.share} />
                    </td>
                    {aged && (
                      <td class="bk-number">
                        <Moment at={each.oldest_at}>{each.oldest}</Moment>
                      </td>
                    )}
                  </tr>
                ))}
              </tbody>
            </table>
          </Card>
          {one.settings.length > 0 && (
            <Card title="Settings">
              <PairTable pairs={one.settings} />
            </Card>
          )}
        </div>
        <div class="bk-card-stack">
          <ResetCard store={store} one={one} />
          <Card title="Members">
            {one.members === null && <p class="bk-inset bk-dim">The system does not say.</p>}
            {one.members?.length === 0 && <p class="bk-inset bk-dim">None is attached now.</p>}
            {one.members && one.members.length > 0 && (
              <table class="bk-table">
                <Heads columns={[["Client"], ["Host"], ["Partitions"]]} />
                <tbody>
                  {one.members.map(([client, host, partitions], index) => (
                    <tr key={index}>
                      <td>
                        <Bdi>{client}</Bdi>
                      </td>
                      <td>
                        <Bdi>{host}</Bdi>
                      </td>
                      <td>{partitions}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            )}
          </Card>
        </div>
      </div>
    </>
  );
}

export function SubscriptionsTab({ store }: { store: Store }) {
  const shown = store.subscriptions.value;
  const lag = store.lag.value;
  const now = store.line.state.value;
  const root = useRef<HTMLDivElement>(null);
  const { send } = store.line;
  const chosenName = shown?.chosen?.name;
  const look = useCallback(() => {
    // another one that is chosen is looked at at once
    void chosenName;
    send({ type: "lag" });
  }, [send, chosenName]);
  useWhileInSight(root, look, lag?.every ?? 5, Boolean(shown?.rows.length) && !now.closed && !now.lost);
  if (!shown || (shown.loading && !shown.rows.length)) return <Empty>Loading…</Empty>;
  if (shown.problem && !shown.rows.length) return <Empty>{shown.problem}</Empty>;
  if (!shown.rows.length)
    return (
      <Empty>
        <b>There is no subscription of this topic.</b>
        <p class="bk-dim">A subscription keeps its own place in the topic.</p>
      </Empty>
    );
  const { rows, chosen } = shown;
  const has = (name: "state" | "members" | "in_flight" | "oldest") => rows.some((each) => each[name]);
  return (
    <div class="bk-pad" ref={root}>
      <Card
        title="Subscriptions"
        note={shown.more > 0 ? `and ${String(shown.more)} more` : "choose one to see its progress"}
      >
        <table class="bk-table bk-choosable">
          <Heads
            columns={[
              ["Name"],
              ["Kind"],
              ...(has("state") ? ([["State"]] as Column[]) : []),
              ...(has("members") ? ([["Members", true]] as Column[]) : []),
              ["Lag", true],
              ["Lately"],
              ...(has("in_flight") ? ([["In flight", true]] as Column[]) : []),
              ...(has("oldest") ? ([["Oldest unread", true]] as Column[]) : []),
            ]}
          />
          <tbody>
            {rows.map((each, place) => {
              const on = each.name === chosen?.name;
              const late = lag?.rows.find(({ name }) => name === each.name);
              const choose = () => {
                store.line.send({ type: "subscription", place: on ? null : place });
              };
              return (
                <tr
                  key={each.name}
                  class={on ? "bk-on" : ""}
                  tabIndex={0}
                  aria-selected={on}
                  onClick={choose}
                  onKeyDown={(event) => {
                    if (event.key !== "Enter" && event.key !== " ") return;
                    event.preventDefault();
                    event.stopPropagation();
                    choose();
                  }}
                >
                  <td class="bk-wrap-any">
                    <b>
                      <Bdi>{each.name}</Bdi>
                    </b>
                  </td>
                  <td>{each.kind}</td>
                  {has("state") && <td>{each.state}</td>}
                  {has("members") && <td class="bk-number">{each.members}</td>}
                  <td class="bk-number">{late?.lag ?? each.lag}</td>
                  <td class="bk-share">
                    {late && late.points.length > 1 ? (
                      <Spark points={late.points} most={SPARK} />
                    ) : (
                      <Bar share={late?.share ?? each.share} />
                    )}
                  </td>
                  {has("in_flight") && <td class="bk-number">{each.in_flight}</td>}
                  {has("oldest") && (
                    <td class="bk-number">
                      <Moment at={each.oldest_at} inRow>
                        {each.oldest}
                      </Moment>
                    </td>
                  )}
                </tr>
              );
            })}
          </tbody>
        </table>
      </Card>
      {shown.problem && <p class="bk-bad">{shown.problem}</p>}
      {chosen && <Subscription key={chosen.name} store={store} one={chosen} lag={lag} />}
    </div>
  );
}
