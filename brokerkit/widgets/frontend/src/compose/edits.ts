// What is typed into a composer. It is sent a while after the last key, or before anything else is done, and stays in
// sight until Python has answered it.
import type { Answers } from "../host/answers";
import { later } from "../parts/later";
import type { ComposeDone, ComposeEdit } from "../protocol";

type Fields = Omit<ComposeEdit, "type">;
interface Typed extends Required<Fields> {
  topic: string;
}

interface Draft {
  value: Typed[keyof Typed];
  /** How many messages were sent with it; null while it was not sent. */
  sent: number | null;
}

export class Edits {
  private readonly drafts = new Map<keyof Typed, Draft>();
  private readonly soon;

  constructor(
    private readonly send: (message: ComposeDone) => void,
    private readonly answers: Answers,
    /** Whether Python said that what was typed cannot be sent: it is corrected where it stands. */
    private readonly wrong: () => boolean = () => false,
  ) {
    this.soon = later(() => {
      this.flush();
    }, 250);
  }

  /** What is typed into a field and not known to Python yet, or refused by it; undefined where it is as Python says. */
  held<Name extends keyof Typed>(name: Name): Typed[Name] | undefined {
    const draft = this.drafts.get(name);
    if (!draft) return undefined;
    if (draft.sent === null || this.answers.heard.peek() < draft.sent || (name !== "topic" && this.wrong()))
      return draft.value as Typed[Name];
    this.drafts.delete(name);
    return undefined;
  }

  /** Whether there is anything that Python does not know yet. */
  get any(): boolean {
    return [...this.drafts.keys()].some((name) => this.held(name) !== undefined);
  }

  set<Name extends keyof Typed>(name: Name, value: Typed[Name]): void {
    this.drafts.set(name, { value, sent: null });
    this.soon();
  }

  flush(): void {
    this.soon.drop();
    const unsent = [...this.drafts].filter(([, { sent }]) => sent === null);
    const { topic, ...fields } = Object.fromEntries(
      unsent.map(([name, { value }]) => [name, value]),
    ) as Partial<Typed>;
    // the topic as it was stays where nothing is written
    if (topic?.trim()) this.send({ type: "topic", text: topic });
    if (Object.keys(fields).length) this.send({ type: "edit", ...fields });
    for (const [name, draft] of unsent)
      if (name === "topic" && !topic?.trim()) this.drafts.delete(name);
      else draft.sent = this.answers.sent();
  }
}
