/** Small things that the inbox, the runs and the tab share: a search field, a clock, who goes on, a broken connection. */

import type { ComponentChildren } from "preact";
import { createContext } from "preact";
import { useContext, useEffect, useRef, useState } from "preact/hooks";
import { ago, countdown } from "./format";
import { useNow } from "./hooks";
import type { Host } from "./host";
import { isNotebook } from "./paths";

const QUIET_MS = 200;

const Now = createContext(0);

/** One clock for what stands inside: only what shows the time is drawn again. */
export function Clock({ children }: { children: ComponentChildren }) {
  return <Now.Provider value={useNow(true)}>{children}</Now.Provider>;
}

export const useClock = (): number => useContext(Now);

/** How long ago that was. */
export function Ago({ at }: { at: number }) {
  const now = useClock();
  return <time title={new Date(at).toLocaleString()}>{ago(now - at)}</time>;
}

/** How long there is until then. */
export function Left({ until }: { until: number }) {
  const left = until - useClock();
  return (
    <span class="aether-deadline" data-near={left < 60_000} title={`Until ${new Date(until).toLocaleString()}`}>
      {left > 0 ? `${countdown(left)} left` : "time is up"}
    </span>
  );
}

interface SearchProps {
  label: string;
  search: (q: string) => void;
  /** Down from here goes into the list. */
  down: () => void;
}

/** A field that searches while one writes. */
export function Search({ label, search, down }: SearchProps) {
  const [text, setText] = useState("");
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const write = (value: string, ms: number) => {
    setText(value);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => search(value.trim()), ms);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") {
      event.preventDefault();
      down();
    } else if (event.key === "Enter") write(text, 0);
    else if (event.key === "Escape" && text) {
      event.preventDefault();
      write("", 0);
    }
  };
  return (
    <input
      type="search"
      class="aether-input"
      aria-label={label}
      placeholder={label}
      style={{ flexBasis: `calc(${label.length}ch + 18px)` }} // all of it can be read
      value={text}
      spellcheck={false}
      autocomplete="off"
      onInput={(event) => write(event.currentTarget.value, QUIET_MS)}
      onKeyDown={onKeyDown}
    />
  );
}

interface TroubleProps {
  /** Whether the stream is heard. */
  broken: boolean;
  /** Why the last fetch failed. */
  trouble: string;
  again: () => void;
}

/** Says quietly that what stands here may be old. */
export function Trouble({ broken, trouble, again }: TroubleProps) {
  const says = trouble || (broken ? "Not connected; trying again." : "");
  return (
    <div class="aether-trouble" role="status">
      {says && (
        <>
          <span>{says}</span>
          <button type="button" class="aether-quiet" onClick={again}>
            Try now
          </button>
        </>
      )}
    </div>
  );
}

interface ResumeProps {
  host: Host;
  notebook: string;
  run: string;
}

/** Nobody drives a run: says what happens then, and has the notebook go on. */
export function Resume({ host, notebook, run }: ResumeProps) {
  const [state, setState] = useState<"" | "busy" | "done" | "failed">("");
  const opens = isNotebook(notebook);
  const resume = () => {
    if (state === "busy") return;
    setState("busy");
    host.resume(notebook, run).then(
      (done) => setState(done ? "done" : "failed"),
      () => setState("failed"),
    );
  };
  const says =
    state === "done" ? "The notebook goes on with it."
    : state === "failed" ? "The notebook could not go on with it: open it and run its cells."
    : opens ? "Will continue when the notebook resumes."
    : "Will continue when the program that started it resumes.";
  return (
    <div class="aether-resume">
      <span role="status">{says}</span>
      {opens && state !== "done" && (
        <button type="button" class="aether-button aether-small" aria-busy={state === "busy"} onClick={resume}>
          Resume
        </button>
      )}
    </div>
  );
}

/** Opens the notebook of a run where it stands; says when that cannot be. */
export function GoTo({ host, notebook, run }: ResumeProps) {
  const [lost, setLost] = useState(false);
  if (!isNotebook(notebook)) return null;
  const go = () =>
    void host.goTo(notebook, run).then(
      (found) => setLost(!found),
      () => setLost(true),
    );
  return (
    <>
      <button type="button" class="aether-quiet" title={notebook} onClick={go}>
        Go to cell
      </button>
      <span class="aether-muted" role="status">
        {lost && "It cannot be found."}
      </span>
    </>
  );
}
