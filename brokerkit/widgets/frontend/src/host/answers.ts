// Which messages Python has answered. What is typed, chosen or opened here wins over what Python says until it has
// answered everything that was sent by then: before that, what it says is older.
import { signal, type ReadonlySignal } from "@preact/signals";
import { createContext } from "preact";
import { useContext, useRef, useState } from "preact/hooks";

export interface Answers {
  /** How many messages were sent. */
  sent: () => number;
  /** How many of them are answered, with all that they brought about. */
  heard: ReadonlySignal<number>;
}

/** Numbers what a view sends, and hears which of it is answered. */
export class Numbers implements Answers {
  readonly heard = signal(0);
  private readonly view = Math.random().toString(36).slice(2);
  private count = 0;

  readonly sent = () => this.count;

  /** A message with the number that its answer will bear. */
  numbered<Message extends object>(message: Message): Message & { nth: string } {
    this.count += 1;
    return { ...message, nth: `${this.view}:${String(this.count)}` };
  }

  /** Python has answered a message, perhaps of another view. */
  hear(nth: string | undefined): void {
    const [view, number] = (nth ?? "").split(":");
    if (view === this.view) this.heard.value = Math.max(this.heard.peek(), Number(number));
  }
}

/** Whether Python has answered all of the first so many messages. */
export function answered({ heard }: Answers, sent: number): boolean {
  return heard.peek() >= sent;
}

/** The answers to what a view sends. */
export const AnswersOf = createContext<Answers>({ sent: () => 0, heard: signal(0) });

/** What is shown of a value of Python's, and what keeps another one in sight that was just sent to it. */
export function useHeld<Value>(given: Value): [shown: Value, keep: (value: Value) => void] {
  const answers = useContext(AnswersOf);
  const kept = useRef<{ value: Value; sent: number } | null>(null);
  const [, redraw] = useState(0);
  if (kept.current && answers.heard.value >= kept.current.sent) kept.current = null;
  return [
    kept.current ? kept.current.value : given,
    (value) => {
      kept.current = { value, sent: answers.sent() };
      redraw((times) => times + 1);
    },
  ];
}
