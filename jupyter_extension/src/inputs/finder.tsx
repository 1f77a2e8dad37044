/**
 * A long list to search in: a combobox over a listbox that stays open, as an output has no room for
 * what pops up over it. Enter picks the marked option; with none marked it submits.
 */

import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { useElementId } from "../ids";
import type { OptionsProps } from "./choice";
import { picked } from "./choice";
import { found } from "./filter";

/** More are not drawn at once: who has so many types a few letters. */
const SHOWN = 200;
const PAGE = 8;

export function Finder({ options, multiple, chosen, choose, busy, aria }: OptionsProps) {
  const id = useElementId();
  const list = useRef<HTMLDivElement>(null);
  const [query, setQuery] = useState("");
  const hits = useMemo(() => found(options, query), [options, query]);
  const shown = hits.slice(0, SHOWN);
  /** Place of the marked option among those shown; -1 is none. */
  const [marked, setMarked] = useState(-1);
  /** Where the arrow keys go on when nothing is marked. */
  const last = useRef(-1);

  useLayoutEffect(() => {
    list.current?.querySelector("[data-marked=true]")?.scrollIntoView({ block: "nearest" });
  }, [marked]);

  const search = (text: string) => {
    setQuery(text);
    setMarked(text.trim() ? 0 : -1);
    last.current = -1;
  };
  const pick = (place: number) => {
    if (busy) return;
    choose(picked(chosen, place, multiple));
    search("");
    last.current = place;
  };
  const walk = (steps: number) => {
    const from = marked >= 0 ? marked : last.current;
    const to = Math.min(shown.length - 1, Math.max(0, from + steps));
    setMarked(to);
    last.current = to;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const { key, altKey, ctrlKey, metaKey } = event;
    if (event.isComposing || altKey || ctrlKey || metaKey) return;
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: PAGE, PageUp: -PAGE }[key];
    if (steps) walk(steps);
    else if (key === "Enter" && shown[marked] !== undefined) pick(shown[marked]);
    else if (key === "Escape" && (query || marked >= 0)) search("");
    else if (key === "Backspace" && !query && multiple && chosen.length > 0) choose(chosen.slice(0, -1));
    else if (key !== "Enter" || !query) return; // a search without a hit is no answer
    event.preventDefault();
  };
  return (
    <div class="aether-finder">
      {chosen.length > 0 && (
        <ul class="aether-chips" aria-label="Chosen">
          {chosen.map((place) => (
            <Chip
              key={place}
              label={options[place]?.label ?? ""}
              remove={() => !busy && choose(chosen.filter((each) => each !== place))}
            />
          ))}
        </ul>
      )}
      <div class="aether-list-box">
        <input
          class="aether-search"
          type="text"
          role="combobox"
          autocomplete="off"
          spellcheck={false}
          placeholder={`Search in ${options.length} options`}
          value={query}
          readOnly={busy}
          aria-expanded="true"
          aria-autocomplete="list"
          aria-controls={`${id}-list`}
          aria-activedescendant={shown[marked] === undefined ? undefined : `${id}-${shown[marked]}`}
          onInput={(event) => search(event.currentTarget.value)}
          onKeyDown={onKeyDown}
          {...aria}
        />
        <div
          ref={list}
          id={`${id}-list`}
          class="aether-list"
          role="listbox"
          aria-multiselectable={multiple}
          aria-labelledby={aria["aria-labelledby"]}
          onMouseDown={(event) => event.preventDefault()} // the search keeps the keys
        >
          {shown.map((place, i) => (
            <div
              key={place}
              id={`${id}-${place}`}
              role="option"
              class="aether-option"
              aria-selected={chosen.includes(place)}
              data-marked={i === marked}
              onClick={() => pick(place)}
            >
              <span>{options[place]?.label}</span>
              {options[place]?.help && <span class="aether-help">{options[place].help}</span>}
            </div>
          ))}
        </div>
        {hits.length > SHOWN && <div class="aether-list-note">… {hits.length - SHOWN} more: type to find them</div>}
        {hits.length === 0 && <div class="aether-list-note">Nothing here has “{query.trim()}” in it.</div>}
      </div>
      <div role="status" class="aether-hidden">
        {query.trim() && `${hits.length} found`}
      </div>
    </div>
  );
}

function Chip({ label, remove }: { label: string; remove: () => void }) {
  return (
    <li class="aether-chip">
      <span>{label}</span>
      <button type="button" class="aether-quiet" aria-label={`Remove ${label}`} onClick={remove}>
        ✕
      </button>
    </li>
  );
}
