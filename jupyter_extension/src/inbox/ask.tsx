/** One question of the inbox: a line that opens, and in it the card that stands in the cell, too. */

import { useLayoutEffect, useRef } from "preact/hooks";
import { focusFirst } from "../focus";
import { SessionContext } from "../hooks";
import { useElementId } from "../ids";
import type { Host } from "../host";
import { Ago, GoTo, Left, Resume } from "../parts";
import { Outcome, PromptCard } from "../prompt";
import type { Session } from "../session";
import type { Item } from "./items";
import { heading, isAsked } from "./items";

interface Props {
  item: Item;
  session: Session;
  host: Host;
  open: boolean;
  /** Whether Tab gets to it. */
  reached: boolean;
  toggle: (key: string, open: boolean) => void;
}

export function Ask({ item, session, host, open, reached, toggle }: Props) {
  const id = useElementId();
  const row = useRef<HTMLLIElement>(null);
  const { key, wait, closedMs } = item;
  const { source: _, ...prompt } = wait; // it stands in the line above
  const over = closedMs > 0;
  const shown = open && !over;
  const says = heading(wait.prompt.prompt);
  const enters = useRef(false);
  useLayoutEffect(() => {
    if (shown && enters.current) focusFirst(row.current?.querySelector("[data-aether-wait]"));
    enters.current = false;
  }, [shown]);
  const turn = (to: boolean) => {
    enters.current = to;
    toggle(key, to);
  };
  const onHeadKey = (event: KeyboardEvent) => {
    if (over || !((event.key === "ArrowRight" && !open) || (event.key === "ArrowLeft" && open))) return;
    event.preventDefault();
    turn(!open);
  };
  const onBodyKey = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    event.preventDefault();
    row.current?.querySelector<HTMLElement>("[data-rove]")?.focus();
  };
  return (
    <li ref={row} class="aether-ask" data-row={key} data-open={shown} data-over={over} data-asks={isAsked(item)}>
      <button
        type="button"
        class="aether-ask-head"
        data-rove
        tabIndex={reached ? 0 : -1}
        aria-expanded={over ? undefined : open}
        aria-controls={shown ? id : undefined}
        onClick={() => !over && turn(!open)}
        onKeyDown={onHeadKey}
      >
        <span class="aether-sign" aria-hidden="true">
          {over ? (wait.state === "answered" ? "✓" : "⊘") : shown ? "▾" : "▸"}
        </span>
        <span class="aether-ask-text">
          <span class={shown ? "aether-hidden" : "aether-ask-says"}>{says}</span>
          <span class="aether-ask-from">
            {wait.graph}
            {!over && (
              <>
                {" · "}
                <Ago at={wait.asked_ms} />
              </>
            )}
            {` · ${wait.run_id}`}
          </span>
        </span>
        {!over && !shown && wait.deadline_ms !== null && <Left until={wait.deadline_ms} />}
      </button>
      {over && <Outcome item={wait} />}
      {over && !wait.driven && wait.state === "answered" && <Resume host={host} notebook={wait.notebook} run={wait.run_id} />}
      {shown && (
        <div id={id} class="aether-ask-body" onKeyDown={onBodyKey}>
          <SessionContext.Provider value={session}>
            <PromptCard prompt={prompt} />
          </SessionContext.Provider>
          {!wait.driven && <Resume host={host} notebook={wait.notebook} run={wait.run_id} />}
          <div class="aether-ask-ways">
            <GoTo host={host} notebook={wait.notebook} run={wait.run_id} />
            <button type="button" class="aether-quiet" title={wait.run_id} onClick={() => host.openRun(wait.store, wait.run_id, wait.graph)}>
              Open run
            </button>
          </div>
        </div>
      )}
    </li>
  );
}
