/** Every open question of every store that the server knows, answered in place. */

import { render } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Host } from "../host";
import { focusFirst } from "../focus";
import { useShown } from "../hooks";
import { rove, useKeptFocus } from "../keepfocus";
import { Clock, Search, Trouble } from "../parts";
import { shortNames } from "../paths";
import { Outcome } from "../prompt";
import { serverOf } from "../server";
import { Ask } from "./ask";
import type { Item } from "./items";
import { grouped, heading, isAsked } from "./items";
import type { InboxState } from "./model";
import { Inbox } from "./model";

/** So few questions stand there open from the beginning. */
const FEW = 3;
const NEXT = "aether-next";

/** Draws the inbox into an element; the result takes it away again. */
export function mountInbox(el: HTMLElement, host: Host): () => void {
  const inbox = new Inbox(serverOf(host));
  const count = () => host.onCount(inbox.state.open, inbox.state.byNotebook);
  const unsubscribe = inbox.subscribe(onceEach(count, () => [inbox.state.open, inbox.state.byNotebook]));
  render(<View inbox={inbox} host={host} el={el} />, el);
  return () => {
    unsubscribe();
    render(null, el);
    inbox.dispose();
  };
}

/** Puts the cursor into the next open question of an inbox; false: there is none. */
export function nextQuestion(el: HTMLElement): boolean {
  return !el.dispatchEvent(new CustomEvent(NEXT, { bubbles: true, cancelable: true }));
}

/** Acts only when what it is about changed. */
function onceEach(act: () => void, about: () => unknown): () => void {
  let was = "";
  return () => {
    const now = JSON.stringify(about());
    if (now === was) return;
    was = now;
    act();
  };
}

function View({ inbox, host, el }: { inbox: Inbox; host: Host; el: HTMLElement }) {
  const state = useShown(inbox);
  const root = useRef<HTMLElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const [opened, toggle] = useOpened(state.items);
  const groups = useMemo(() => grouped(state.items), [state.items]);
  const names = useMemo(() => {
    const shown = [state.notebook, ...groups.map((group) => group.notebook)];
    return shortNames([...Object.keys(state.byNotebook), ...shown]);
  }, [groups, state.byNotebook, state.notebook]);
  const [reached, reach] = useState("");
  const keys = groups.flatMap((group) => group.items.map((item) => item.key));
  const at = keys.includes(reached) ? reached : keys[0];
  useKeptFocus(list, () => root.current?.querySelector("input") ?? null);
  useEffect(() => {
    inbox.hold((key) => rowOf(list.current, key)?.contains(document.activeElement) ?? false);
    const onNext = (event: Event) => {
      const order = grouped(inbox.state.items.filter(isAsked)).flatMap((group) => group.items);
      const here = order.findIndex(({ key }) => rowOf(list.current, key)?.contains(document.activeElement));
      const next = order[(here + 1) % order.length];
      const row = next && rowOf(list.current, next.key);
      if (!row) return;
      event.preventDefault();
      const card = row.querySelector("[data-aether-wait]");
      if (card) focusFirst(card);
      else row.querySelector<HTMLElement>("[data-rove]")?.click(); // opens it, and puts the cursor in
    };
    el.addEventListener(NEXT, onNext);
    return () => el.removeEventListener(NEXT, onNext);
  }, []);
  const onKeyDown = (event: KeyboardEvent) => {
    const to = STEPS[event.key];
    if (to === undefined || !(event.target as Element).matches("[data-rove]")) return;
    event.preventDefault();
    rove(list.current as HTMLElement, to);
  };
  const onFocusIn = ({ target }: FocusEvent) => reach((target as Element).closest<HTMLElement>("[data-row]")?.dataset["row"] ?? "");
  const open = state.items.filter((item) => item.closedMs === 0).length;
  return (
    <Clock>
      <section ref={root} class="aether-run aether-live aether-side aether-inbox" aria-label="Inbox">
        <Bar inbox={inbox} state={state} names={names} down={() => list.current && rove(list.current, "first")} />
        <Trouble broken={state.link === "broken"} trouble={state.trouble} again={() => inbox.again()} />
        <div ref={list} class="aether-side-list" aria-busy={!state.ready} onKeyDown={onKeyDown} onFocusIn={onFocusIn}>
          {groups.map(({ notebook, items }) => (
            <section key={notebook} class="aether-book" aria-label={notebook || "No notebook"}>
              <h3 title={notebook}>
                <span>{names.get(notebook) || "No notebook"}</span>
                <span class="aether-book-count">{state.byNotebook[notebook] || ""}</span>
              </h3>
              <ul>
                {items.map((item) => (
                  <Ask
                    key={item.key}
                    item={item}
                    session={inbox.session(item.wait.store)}
                    host={host}
                    open={opened.has(item.key)}
                    reached={item.key === at}
                    toggle={toggle}
                  />
                ))}
              </ul>
            </section>
          ))}
          {open < state.total && (
            <button type="button" class="aether-button aether-more" onClick={() => inbox.more()}>
              Show more ({state.total - open})
            </button>
          )}
        </div>
        {state.ready && !state.items.some(isAsked) && <p class="aether-nothing">{nothing(state)}</p>}
        <Answered items={state.answered} />
        <div class="aether-hidden" aria-live="polite">
          {useNews(state)}
        </div>
      </section>
    </Clock>
  );
}

const STEPS: Record<string, number | "first" | "last"> = { ArrowDown: 1, ArrowUp: -1, Home: "first", End: "last" };

const rowOf = (list: Element | null, key: string): Element | null =>
  list?.querySelector(`[data-row="${CSS.escape(key)}"]`) ?? null;

const nothing = ({ q, notebook }: InboxState): string =>
  q || notebook ? "No open question fits that." : "Nothing waits for an answer.";

interface BarProps {
  inbox: Inbox;
  state: InboxState;
  /** Of notebooks, by path. */
  names: ReadonlyMap<string, string>;
  down: () => void;
}

function Bar({ inbox, state, names, down }: BarProps) {
  const notebooks = Object.keys(state.byNotebook).sort();
  return (
    <div class="aether-side-bar" role="search" aria-label="Among the questions">
      <Search label="Search questions" search={(q) => inbox.search(q)} down={down} />
      {(notebooks.length > 1 || state.notebook) && (
        <select
          class="aether-input"
          aria-label="Notebook"
          value={state.notebook}
          onChange={(event) => inbox.choose(event.currentTarget.value)}
        >
          <option value="">All notebooks</option>
          {[...new Set([...notebooks, state.notebook])].filter(Boolean).map((notebook) => (
            <option key={notebook} value={notebook} title={notebook}>
              {names.get(notebook)}
            </option>
          ))}
        </select>
      )}
    </div>
  );
}

/** What was answered while this page was open, to look back at. */
function Answered({ items }: { items: readonly Item[] }) {
  if (items.length === 0) return null;
  return (
    <details class="aether-answered">
      <summary>Lately closed ({items.length})</summary>
      <ul>
        {items.map(({ key, wait }) => (
          <li key={key}>
            <div class="aether-ask-says">{heading(wait.prompt.prompt)}</div>
            <Outcome item={wait} />
          </li>
        ))}
      </ul>
    </details>
  );
}

/** Which questions stand there with their card: those that somebody opened, and new ones while there are few. */
function useOpened(items: readonly Item[]): [ReadonlySet<string>, (key: string, open: boolean) => void] {
  const [opened, setOpened] = useState<ReadonlySet<string>>(new Set());
  const known = useRef(new Set<string>());
  useLayoutEffect(() => {
    const asked = items.filter(isAsked);
    const fresh = asked.filter((item) => !known.current.has(item.key));
    for (const { key } of fresh) known.current.add(key);
    if (fresh.length === 0 || asked.length > FEW) return;
    setOpened((was) => new Set([...was, ...fresh.map((item) => item.key)]));
  }, [items]);
  const toggle = (key: string, open: boolean) =>
    setOpened((was) => {
      const now = new Set(was);
      if (open) now.add(key);
      else now.delete(key);
      return now;
    });
  return [opened, toggle];
}

/** What is read out: questions that came, and those that were closed; nothing of what stood there at first. */
function useNews({ items, ready, q, notebook }: InboxState): string {
  const known = useRef<{ asked: string; keys: Map<string, boolean> } | null>(null);
  const [news, setNews] = useState("");
  useLayoutEffect(() => {
    if (!ready) return;
    const asked = JSON.stringify([q, notebook]);
    const was = known.current;
    known.current = { asked, keys: new Map(items.map((item) => [item.key, !isAsked(item)])) };
    if (was?.asked !== asked) return; // other questions, not new ones
    const came = items.filter((item) => !was.keys.has(item.key) && isAsked(item));
    const went = items.filter((item) => item.closedMs > 0 && was.keys.get(item.key) === false);
    const says = [
      ...(came.length > FEW ? [`${came.length} new questions.`] : came.map(({ wait }) => `${wait.graph} asks: ${heading(wait.prompt.prompt)}`)),
      ...(went.length > FEW ? [`${went.length} questions were closed.`] : went.map(({ wait }) => `Closed: ${heading(wait.prompt.prompt)}`)),
    ];
    if (says.length > 0) setNews(says.join(" "));
  }, [items, ready]);
  return news;
}
