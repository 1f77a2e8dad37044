/**
 * Text that grows while one reads: what is new is added to what stands there, in a box that follows
 * the end of it as long as nobody scrolls away. Markdown is made anew as a whole, but seldom.
 */

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { Markdown } from "./markdown";

/** Above so many characters a piece of plain text is closed at its last line: the browser lays out only the open one. */
const PIECE = 4000;
/** From one making of Markdown to the next, in milliseconds; and so many times as long as it took. */
const SELDOM = 200;
const SHARE = 10;

export function GrowingText({ text, live }: { text: string; live: boolean }) {
  const box = useRef<HTMLDivElement>(null);
  const shown = useRef("");
  useLayoutEffect(() => {
    if (!box.current || text === shown.current) return;
    const goesOn = text.startsWith(shown.current);
    if (!goesOn) box.current.replaceChildren();
    append(box.current, goesOn ? text.slice(shown.current.length) : text);
    shown.current = text;
  }, [text]);
  return useLongBox(live, text, <div ref={box} class="aether-text" />);
}

/** Adds text to the last of an element's pieces, each of which is one or more whole lines. */
function append(box: HTMLElement, text: string): void {
  const last = box.lastElementChild?.firstChild;
  if (last instanceof Text) last.appendData(text);
  else box.append(piece(text));
  const open = box.lastElementChild?.firstChild as Text;
  const end = open.length > PIECE ? open.data.lastIndexOf("\n") : -1;
  if (end < 0) return;
  const rest = open.data.slice(end + 1);
  open.deleteData(end, open.length - end);
  box.append(piece(rest));
}

function piece(text: string): HTMLElement {
  const element = document.createElement("div");
  element.append(document.createTextNode(text));
  return element;
}

export function GrowingMarkdown({ text, live }: { text: string; live: boolean }) {
  const [shown, setShown] = useState(text);
  const next = useRef(0);
  const began = performance.now();
  useLayoutEffect(() => {
    const now = performance.now();
    next.current = now + Math.max(SELDOM, SHARE * (now - began));
  }, [shown]);
  useLayoutEffect(() => {
    if (text === shown) return undefined;
    if (!live) {
      setShown(text);
      return undefined;
    }
    const timer = setTimeout(() => setShown(text), Math.max(0, next.current - performance.now()));
    return () => clearTimeout(timer);
  }, [text, live, shown]);
  return useLongBox(live, shown, <Markdown text={shown} />);
}

/**
 * A box of limited height around a text, which can be opened; while the text grows it shows the end. To be
 * called after the effect that draws the text: it measures what stands there.
 */
function useLongBox(live: boolean, text: string, children: ComponentChildren) {
  const box = useRef<HTMLDivElement>(null);
  const follows = useRef(false); // once it was seen to grow, to its end
  const [long, setLong] = useState(false);
  const [open, setOpen] = useState(false);
  const grew = useRef(false);
  if (live && !grew.current) grew.current = follows.current = true;
  const measure = useRef(() => undefined as void);
  measure.current = () => {
    const element = box.current;
    if (!element) return;
    if (!open) setLong(element.scrollHeight > element.clientHeight + 1);
    if (follows.current) element.scrollTop = element.scrollHeight;
  };
  useLayoutEffect(() => measure.current(), [text, live, open]);
  useLayoutEffect(() => {
    if (!box.current) return undefined;
    const sizes = new ResizeObserver(() => measure.current()); // it is drawn before it stands on the page
    sizes.observe(box.current);
    return () => sizes.disconnect();
  }, []);
  const onScroll = () => {
    const element = box.current;
    if (element && grew.current) follows.current = element.scrollHeight - element.scrollTop - element.clientHeight < 24;
  };
  return (
    <>
      <div
        ref={box}
        class="aether-long"
        data-open={open}
        onScroll={onScroll}
        {...(long && !open ? { tabIndex: 0, role: "region", "aria-label": "Long text" } : {})}
      >
        {children}
      </div>
      {long && (
        <button type="button" class="aether-quiet aether-fine" onClick={() => setOpen(!open)}>
          {open ? "Show less" : "Show all"}
        </button>
      )}
    </>
  );
}
