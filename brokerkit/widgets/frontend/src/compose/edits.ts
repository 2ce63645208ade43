// What is typed and not sent yet. It is sent a while after the last key, or before anything else is done.
import { later } from "../parts/later";
import type { ComposeDone, ComposeEdit } from "../protocol";

type Fields = Omit<ComposeEdit, "type">;

export class Edits {
  private fields: Fields = {};
  private name: string | null = null;
  private readonly soon;

  constructor(private readonly send: (message: ComposeDone) => void) {
    this.soon = later(() => {
      this.flush();
    }, 250);
  }

  /** Whether something is typed that Python does not know yet. */
  get pending(): boolean {
    return Object.keys(this.fields).length > 0;
  }

  get topicPending(): boolean {
    return this.name !== null;
  }

  set<Name extends keyof Fields>(name: Name, value: Fields[Name]): void {
    this.fields = { ...this.fields, [name]: value };
    this.soon();
  }

  topic(text: string): void {
    this.name = text;
    this.soon();
  }

  flush(): void {
    this.soon.drop();
    const { fields, name } = this;
    this.fields = {};
    this.name = null;
    if (name?.trim()) this.send({ type: "topic", text: name });
    if (Object.keys(fields).length) this.send({ type: "edit", ...fields });
  }

  drop(): void {
    this.soon.drop();
  }
}
