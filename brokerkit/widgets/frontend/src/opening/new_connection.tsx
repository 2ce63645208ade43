// A new connection, with the answers of the doctor beside what is typed.
import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";

import { Icon, type Sign } from "../parts/icons";
import { later } from "../parts/later";
import type { CheckedStep, ConnectionForm, OpeningState, SecretAt, SignIn } from "../protocol";
import { edited, empty, lacking, mended, ways } from "./form";
import type { Line } from "./opening";

const PAUSE = 700;
const PLACES: readonly [SecretAt, string][] = [
  ["typed", "not kept"],
  ["keyring", "keyring"],
  ["env", "variable"],
];
const SIGNS: Record<CheckedStep["status"], { sign: Sign; level: string }> = {
  ok: { sign: "check", level: "bk-good" },
  failed: { sign: "bad", level: "bk-bad" },
  "not offered": { sign: "none", level: "bk-dim" },
  "not tried": { sign: "none", level: "bk-dim" },
};

interface DoctorProps {
  now: OpeningState;
  waits: boolean;
  mend: (option: string) => void;
}

function Doctor({ now, waits, mend }: DoctorProps) {
  const failed = now.steps.some((step) => step.status === "failed");
  return (
    <div>
      <span class="bk-cap">Doctor, as you type</span>
      <ul class="bk-steps" aria-live="polite" aria-label="What the doctor found">
        {!now.steps.length && (
          <li class="bk-dim">{now.checking ? "Looking…" : "Type an address to see whether it answers."}</li>
        )}
        {now.steps.map((step) => (
          <li key={step.name} class={step.status === "not tried" ? "bk-dim" : ""}>
            <span class={SIGNS[step.status].level}>
              <Icon sign={SIGNS[step.status].sign} />
            </span>
            <span class="bk-problem">
              <b>{step.name}</b>{" "}
              {step.status === "not tried"
                ? waits && !failed
                  ? "waits for Check or Connect"
                  : "waits for the step above"
                : step.detail}
              {step.mend && (
                <>
                  {" "}
                  <button
                    type="button"
                    class="bk-link"
                    aria-label={`Add ${step.mend}`}
                    onClick={() => {
                      mend(step.mend);
                    }}
                  >
                    Add it
                  </button>
                </>
              )}
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}

interface SecretProps {
  id: string;
  form: ConnectionForm;
  set: (secret: string) => void;
}

function Secret({ id, form, set }: SecretProps) {
  const props = {
    id,
    class: "bk-mono bk-grow",
    spellcheck: false,
    autocomplete: "off",
    value: form.secret,
    onInput: (event: { currentTarget: HTMLInputElement }) => {
      set(event.currentTarget.value);
    },
  } as const;
  if (form.secret_at === "env") return <input {...props} placeholder="NAME_OF_A_VARIABLE" />;
  return <input {...props} type="password" />;
}

export function NewConnection({ line }: { line: Line }) {
  const now = line.state.value;
  const form = useSignal<ConnectionForm>(empty(now));
  const name = useSignal("");
  const prefix = useMemo(() => `bk-new-${Math.random().toString(36).slice(2)}`, []);
  const id = (field: string) => `${prefix}-${field}`;
  const check = (connecting: boolean) => {
    line.send({ type: "check", form: form.peek(), connecting });
  };
  const soon = useMemo(
    () =>
      later(() => {
        check(false);
      }, PAUSE),
    [line],
  );
  const set = (changed: Partial<ConnectionForm>) => {
    form.value = edited(form.peek(), changed, now);
    soon();
  };
  const typed = form.value;
  const known = ways(now, typed.system);
  const example = now.systems.find((each) => each.scheme === typed.system)?.example ?? "";
  const missing = lacking(typed);
  const busy = now.opening !== "";
  const connect = () => {
    soon.drop();
    line.send({ type: "connect", form: form.peek() });
  };
  return (
    <section class="bk-card" aria-label="New connection">
      <div class="bk-card-head">
        <h3>New connection</h3>
      </div>
      <form
        class="bk-inset"
        onSubmit={(event) => {
          event.preventDefault();
          if (!missing && !busy) connect();
        }}
        onKeyDown={(event) => {
          // the host must not take Enter for its own
          if (event.key !== "Enter" || !(event.target instanceof HTMLInputElement)) return;
          event.preventDefault();
          event.stopPropagation();
          if (!missing && !busy) connect();
        }}
      >
        <div class="bk-halves">
          <div class="bk-fields">
            <label for={id("system")}>System</label>
            <select
              id={id("system")}
              class="bk-select"
              value={typed.system}
              onChange={(event) => {
                set({ system: event.currentTarget.value, sign_in: "none" });
              }}
            >
              {now.systems.map((each) => (
                <option key={each.scheme} value={each.scheme}>
                  {each.title}
                </option>
              ))}
            </select>
            <label for={id("servers")}>Servers</label>
            <span class={`bk-in${now.wrong ? " bk-wrong" : ""}`}>
              <input
                id={id("servers")}
                class="bk-mono bk-grow"
                placeholder={example}
                spellcheck={false}
                autocomplete="off"
                value={typed.servers}
                onInput={(event) => {
                  set({ servers: event.currentTarget.value });
                }}
              />
            </span>
            {now.wrong && (
              <span class="bk-bad bk-under" role="alert">
                <Icon sign="bad" /> {now.wrong}
              </span>
            )}
            <label for={id("sign-in")}>Sign in</label>
            <select
              id={id("sign-in")}
              class="bk-select"
              value={typed.sign_in}
              onChange={(event) => {
                set({ sign_in: event.currentTarget.value as SignIn });
              }}
            >
              {known.map(([value, text]) => (
                <option key={value} value={value}>
                  {text}
                </option>
              ))}
            </select>
            {typed.sign_in === "password" && (
              <>
                <label for={id("user")}>User</label>
                <span class="bk-in">
                  <input
                    id={id("user")}
                    class="bk-mono bk-grow"
                    spellcheck={false}
                    autocomplete="off"
                    value={typed.user}
                    onInput={(event) => {
                      set({ user: event.currentTarget.value });
                    }}
                  />
                </span>
              </>
            )}
            {typed.sign_in !== "none" && (
              <>
                <label for={id("secret")}>{typed.sign_in === "password" ? "Password" : "Secret"}</label>
                <span class="bk-line">
                  <span class="bk-in bk-grow">
                    <Secret
                      id={id("secret")}
                      form={typed}
                      set={(secret) => {
                        set({ secret });
                      }}
                    />
                  </span>
                  <select
                    class="bk-select"
                    aria-label="Where the secret is kept"
                    value={typed.secret_at}
                    onChange={(event) => {
                      set({ secret_at: event.currentTarget.value as SecretAt, secret: "" });
                    }}
                  >
                    {PLACES.map(([value, text]) => (
                      <option key={value} value={value}>
                        {text}
                      </option>
                    ))}
                  </select>
                </span>
              </>
            )}
            <label for={id("options")}>Options</label>
            <span class="bk-in">
              <input
                id={id("options")}
                class="bk-mono bk-grow"
                placeholder="name=value, name=value"
                spellcheck={false}
                autocomplete="off"
                value={typed.options}
                onInput={(event) => {
                  set({ options: event.currentTarget.value });
                }}
              />
            </span>
            <span class="bk-dim">Guard</span>
            <span class="bk-line bk-wraps">
              <label>
                <input
                  type="checkbox"
                  checked={typed.production}
                  onChange={(event) => {
                    set({ production: event.currentTarget.checked });
                  }}
                />{" "}
                production
              </label>
              <label>
                <input
                  type="checkbox"
                  checked={typed.read_only}
                  onChange={(event) => {
                    set({ read_only: event.currentTarget.checked });
                  }}
                />{" "}
                read-only
              </label>
            </span>
          </div>
          <Doctor
            now={now}
            waits={typed.sign_in !== "none"}
            mend={(option) => {
              set({ options: mended(form.peek().options, option) });
            }}
          />
        </div>
        <div class="bk-line bk-wraps bk-below">
          <button type="submit" class="bk-btn bk-fill" disabled={missing !== "" || busy} title={missing}>
            Connect
          </button>
          {typed.sign_in !== "none" && (
            <button
              type="button"
              class="bk-btn"
              disabled={missing !== "" || now.checking}
              onClick={() => {
                soon.drop();
                check(true);
              }}
            >
              Check
            </button>
          )}
          <span class="bk-in">
            <input
              aria-label="Name to save it as"
              placeholder="name to save it as"
              spellcheck={false}
              autocomplete="off"
              value={name.value}
              onInput={(event) => {
                name.value = event.currentTarget.value;
              }}
            />
          </span>
          <button
            type="button"
            class="bk-btn"
            disabled={!name.value.trim() || !typed.servers.trim()}
            onClick={() => {
              line.send({ type: "save", form: form.peek(), name: name.peek() });
            }}
          >
            Save
          </button>
          <span role="status" class="bk-good">
            {now.saved && `${now.saved} is saved`}
          </span>
          <span class="bk-grow" />
          <span class="bk-dim">Also read: kafka-properties:FILE, kcat:FILE, nats-context:NAME</span>
        </div>
      </form>
    </section>
  );
}
