// Many messages from a file or a frame.
import type { BulkShown, ComposeState } from "../protocol";
import { BulkColumns } from "./bulk_columns";
import { BulkPreview, BulkReceipts, BulkRows } from "./bulk_rows";
import { BulkSending } from "./bulk_sending";
import { BulkSchema, BulkSource } from "./bulk_source";
import type { FileSender } from "./file_sender";
import type { Line } from "./view";
import "./bulk.css";

interface Props {
  now: ComposeState;
  bulk: BulkShown;
  send: Line["send"];
  files: FileSender;
}

export function Bulk({ now, bulk, send, files }: Props) {
  return (
    <div class="bk-bulk">
      <BulkSource
        bulk={bulk}
        send={send}
        onFile={(file) => {
          files.begin(file);
        }}
      />
      <BulkSchema bulk={bulk} send={send} />
      {bulk.source && (
        <div class="bk-bulk-parts">
          <BulkColumns
            bulk={bulk}
            onSet={(choice) => {
              send({ type: "bulk set", ...choice });
            }}
          />
          <div class="bk-bulk-side">
            <BulkRows
              bulk={bulk}
              onSave={() => {
                send({ type: "bulk save bad" });
              }}
            />
            <BulkPreview
              bulk={bulk}
              onRow={(row) => {
                send({ type: "bulk row", row });
              }}
            />
            <BulkReceipts bulk={bulk} />
          </div>
        </div>
      )}
      <BulkSending now={now} bulk={bulk} send={send} />
    </div>
  );
}
