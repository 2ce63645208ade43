// A file for Python: it goes in parts, each once the one before has arrived.
import type { BulkFile, BulkPart } from "../protocol";

const PART = 256 * 1024;

/** Bytes as base64; a call takes so many arguments only. */
export function base64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192)
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}

export class FileSender {
  private file: Blob | null = null;
  private number = 0;

  constructor(private readonly send: (message: BulkFile | BulkPart) => void) {}

  begin(file: Blob & { name: string }): void {
    this.file = file;
    this.number = Math.max(this.number + 1, Date.now());
    this.send({ type: "bulk file", number: this.number, name: file.name, size: file.size });
  }

  /** So much has arrived: send what follows. A negative place refuses the file. */
  async received(number: number, at: number): Promise<void> {
    const file = this.file;
    if (!file || number !== this.number) return;
    if (at < 0 || at >= file.size) {
      this.file = null;
      return;
    }
    const part = new Uint8Array(await file.slice(at, at + PART).arrayBuffer());
    if (this.file === file) this.send({ type: "bulk part", number, at, data: base64(part) });
  }
}
