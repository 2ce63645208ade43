// The form of a new connection: what is typed, and what it needs.
import type { ConnectionForm, OpeningState, SignIn } from "../protocol";

export function empty(state: Pick<OpeningState, "systems">): ConnectionForm {
  return {
    system: state.systems[0]?.scheme ?? "",
    servers: "",
    sign_in: "none",
    user: "",
    secret: "",
    secret_at: "typed",
    options: "",
    production: false,
    read_only: false,
  };
}

/** The form after an edit: an address with a scheme names its system. */
export function edited(
  before: ConnectionForm,
  changed: Partial<ConnectionForm>,
  state: Pick<OpeningState, "systems">,
): ConnectionForm {
  const after = { ...before, ...changed };
  const scheme = /^([a-z]+)(\+\w+)?:\/\//.exec(after.servers)?.[1];
  if (scheme && state.systems.some((each) => each.scheme === scheme)) after.system = scheme;
  return after;
}

export function ways(state: Pick<OpeningState, "systems">, system: string): readonly [SignIn, string][] {
  const whole = state.systems.find((each) => each.scheme === system)?.whole ?? false;
  return whole
    ? [
        ["none", "Default credentials"],
        ["token", "Connection string"],
      ]
    : [
        ["none", "No sign-in"],
        ["password", "User and password"],
        ["token", "Token"],
      ];
}

/** Why what is typed cannot be opened yet; empty if it can. */
export function lacking(form: ConnectionForm): string {
  if (!form.servers.trim()) return "Type an address first";
  if (form.sign_in === "password" && !form.user.trim()) return "Type the user first";
  return form.sign_in !== "none" && !form.secret ? "Type the secret, or where it is, first" : "";
}

/** One option with the comma behind it, as Python reads them: between double quotes a comma is text. */
const PART = /[^,=]*=\s*"(?:[^"]|"")*"\s*(?:,|$)|[^,]*,|[^,]+$/g;

/** The options with another one, in the place of one of its name or before all: behind a secret nothing can stand. */
export function mended(options: string, option: string): string {
  const nameOf = (part: string) => (part.split("=", 1)[0] ?? "").trim().toLowerCase().replaceAll(".", "_");
  const parts = options.match(PART) ?? [];
  const known = parts.findIndex((part) => nameOf(part) === nameOf(option));
  if (known < 0) return options.trim() ? `${option}, ${options.trim()}` : option;
  return parts
    .map((part, at) =>
      at === known ? `${/^\s*/.exec(part)?.[0] ?? ""}${option}${part.endsWith(",") ? "," : ""}` : part,
    )
    .join("");
}
