// The editor's module: loaded once, when somebody wants to edit with it.
import type { JsonField, Mark } from "../protocol";

export interface Settings {
  root: ShadowRoot;
  parent: HTMLElement;
  label: string;
  text: string;
  /** Where the caret is in the text. */
  caret: number;
  onWrite: (text: string) => void;
  /** Called when the keyboard is to leave it. */
  onLeave: () => void;
}

export interface Editor {
  readonly text: string;
  readonly focused: boolean;
  set(text: string): void;
  mark(placed: readonly Mark[]): void;
  /** Completes these fields from now on. */
  complete(fields: readonly JsonField[]): void;
  focus(): void;
  close(): void;
}

export interface EditorModule {
  edit: (settings: Settings) => Editor;
}

const PATIENCE = 20_000;

/** Runs the source of a module; refused where a page runs nothing but its own files. */
async function run(source: string): Promise<unknown> {
  const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  try {
    return await import(address);
  } finally {
    URL.revokeObjectURL(address);
  }
}

/** Loads the editor: from where the page is from, or from Python. */
export class EditorLoader {
  private static loaded: Promise<EditorModule> | null = null;
  private arrived: ((source: string) => void) | null = null;

  constructor(
    private readonly load: ((name: string) => Promise<unknown>) | undefined,
    private readonly ask: () => void,
  ) {}

  /** Takes the source that Python sent. */
  take(source: string): void {
    this.arrived?.(source);
    this.arrived = null;
  }

  get(): Promise<EditorModule> {
    const loading = (EditorLoader.loaded ??= this.found());
    loading.catch(() => {
      // it may be tried again
      if (EditorLoader.loaded === loading) EditorLoader.loaded = null;
    });
    return loading;
  }

  private async found(): Promise<EditorModule> {
    const found = this.load ? await this.load("editor") : await run(await this.source());
    return (found as { default: EditorModule }).default;
  }

  private source(): Promise<string> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error("the kernel did not answer"));
      }, PATIENCE);
      this.arrived = (source) => {
        clearTimeout(timer);
        resolve(source);
      };
      this.ask();
    });
  }
}
