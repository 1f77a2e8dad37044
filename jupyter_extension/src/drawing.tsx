/**
 * The graph as a picture in a box: zoomed by buttons, Ctrl and the wheel, or + - 0; moved by dragging or the arrow keys.
 * The wheel alone is the notebook's. Statuses change by attribute; the picture itself only when nodes come or a
 * group is folded or opened, and then what was in the middle stays there.
 */

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { NodeShape, RunShape } from "./api";
import { counts, opens } from "./groups";
import { useSession } from "./hooks";
import { newId } from "./replies";
import type { Picture } from "./svg";
import { picture, setFaint, setFold, setStatus } from "./svg";
import type { Look, Point, Size } from "./zoom";
import { centred, fit, followed, moved, opening, room, zoomed } from "./zoom";

const MAX_HEIGHT = 420;
/** In a tab of the page: a part of its height, so that what is asked beneath a wide graph is seen, too. */
const OF_TAB = 0.7;
const MIN_HEIGHT = 160;
/** Wider than this, the graph stands above the feed and not beside it. */
const WIDE = 560;
/** Smaller than this, names and signs say nothing; colours do. */
const FAR = 0.15;
const STEP = 1.3;
const ARROWS: Record<string, [number, number]> = {
  ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60],
};

interface Props {
  view: RunShape;
  svg: string;
  chosen: string;
  choose: (id: string) => void;
}

export function Drawing({ view, svg, chosen, choose }: Props) {
  const { replies } = useSession();
  const box = useRef<HTMLDivElement>(null);
  const drawn = useMemo(() => picture(svg), [svg]);
  const groups = useMemo(() => counts(view.nodes), [view.nodes]);
  const look = useLook(box, drawn, view);
  useStatuses(drawn, view.nodes, groups);

  useLayoutEffect(() => {
    for (const [id, group] of drawn?.nodes ?? []) group.toggleAttribute("data-chosen", id === chosen);
  }, [drawn, chosen]);

  const fold = (id: string, open: boolean) => {
    look.anchor.current = id;
    void replies.command({ type: "fold", id: newId(), group: id, open });
  };
  const press = (target: Element): void => {
    const group = target.closest<SVGGElement>("[data-aether-node]");
    const id = group?.dataset["aetherNode"] ?? "";
    if (group && target.closest(".aether-fold")) fold(id, !group.classList.contains("cluster"));
    else choose(id === chosen ? "" : id);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const target = event.target as Element;
    if ((event.key === "Enter" || event.key === " ") && target.closest(".aether-fold")) {
      event.preventDefault();
      press(target);
    } else look.onKeyDown(event);
  };
  const done = view.nodes.filter((n) => n.status === "succeeded").length;
  return (
    <div class="aether-frame" data-wide={(drawn?.width ?? 0) > WIDE}>
      <div class="aether-wanted" style={{ width: `${drawn?.width ?? 0}px` }} />
      <div
        ref={box}
        class="aether-drawing"
        role="group"
        tabIndex={0}
        aria-label={`Graph ${view.graph}: ${done} of ${view.nodes.length} nodes done. The table tab lists them.`}
        aria-keyshortcuts="+ - 0 ArrowLeft ArrowRight ArrowUp ArrowDown"
        onKeyDown={onKeyDown}
        onFocusIn={(event) => look.reveal(event.target as Element)}
        onPointerDown={look.onPointerDown}
        onClick={(event) => look.dragged.current || press(event.target as Element)}
      />
      <div class="aether-zoom" role="group" aria-label="Zoom">
        <button type="button" class="aether-quiet" aria-label="Zoom out" title="Zoom out (−)" onClick={look.out}>
          −
        </button>
        <button type="button" class="aether-quiet" aria-label="Zoom in" title="Zoom in (+, Ctrl and wheel)" onClick={look.in}>
          +
        </button>
        <button type="button" class="aether-quiet" title="Show the whole graph (0)" onClick={look.all}>
          Fit
        </button>
      </div>
    </div>
  );
}

/** Writes on the picture how its nodes stand; only on those that changed. */
function useStatuses(drawn: Picture | null, nodes: NodeShape[], groups: ReturnType<typeof counts>): void {
  const shown = useRef({ drawn, nodes: new Map<string, NodeShape>(), skips: false });
  useLayoutEffect(() => {
    if (shown.current.drawn !== drawn) shown.current = { drawn, nodes: new Map(), skips: false };
    const known = shown.current.nodes;
    for (const node of nodes) {
      const element = drawn?.nodes.get(node.id);
      if (!element || (known.get(node.id) === node && !groups.has(node.id))) continue;
      known.set(node.id, node);
      setStatus(element, node, groups.get(node.id) ?? node.count);
      setFold(element, opens(node, groups) ? node.label || node.name : null);
    }
    const skips = nodes.some((node) => node.status === "skipped");
    if (drawn && (skips || shown.current.skips)) setFaint(drawn, nodes);
    shown.current.skips = skips;
  }, [drawn, nodes, groups]);
}

/** Which part of the picture the box shows, and what changes that. */
function useLook(box: { current: HTMLDivElement | null }, drawn: Picture | null, view: RunShape) {
  const at = useRef<Look | null>(null);
  const before = useRef<Picture | null>(null);
  const touched = useRef(false);
  const anchor = useRef("");
  const dragged = useRef(false);
  const frame = useRef(0);
  const [space, setSpace] = useState<Size>({ width: 0, height: 0 });

  const size = (): Size => ({ width: box.current?.clientWidth || 1, height: box.current?.clientHeight || 1 });
  const show = (look: Look) => {
    at.current = look;
    cancelAnimationFrame(frame.current);
    frame.current = requestAnimationFrame(() => draw(drawn, look, size()));
  };
  const change = (how: (look: Look, picture: Picture, seen: Size) => Look) => {
    if (!drawn || !at.current) return;
    touched.current = true;
    show(how(at.current, drawn, size()));
  };
  const zoom = (factor: number, point?: Point) =>
    change((look, all, seen) => zoomed(look, factor, point ?? { x: seen.width / 2, y: seen.height / 2 }, all, seen));
  const all = () => {
    change((_, picture, seen) => fit(picture, seen));
    touched.current = false;
  };

  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const watch = new ResizeObserver(() => {
      const is = most(element);
      setSpace((was) => (was.width === is.width && was.height === is.height ? was : is));
    });
    for (const one of [element.parentElement, element.closest(".aether-tab")]) if (one) watch.observe(one);
    return () => watch.disconnect();
  }, []);

  useLayoutEffect(() => {
    const element = box.current;
    if (!element || !drawn) return;
    const focused = document.activeElement?.closest<SVGGElement>(".aether-fold")?.parentElement?.dataset["aetherNode"];
    if (element.firstChild !== drawn.svg) element.replaceChildren(drawn.svg);
    const { width, height } = most(element);
    const wanted = room(drawn, width, height);
    element.style.width = `${wanted.width}px`;
    element.style.height = `${wanted.height}px`;
    const seen = { width: element.clientWidth || wanted.width, height: wanted.height };
    at.current = next(drawn, seen, at.current, before.current, touched.current, anchor.current, view);
    before.current = drawn;
    anchor.current = "";
    draw(drawn, at.current, seen);
    const again = focused === undefined ? undefined : drawn.nodes.get(focused);
    queueMicrotask(() => again?.querySelector<SVGGElement>(":scope > .aether-fold")?.focus({ preventScroll: true }));
  }, [drawn, space]);

  useEffect(() => {
    const element = box.current;
    const onWheel = (event: WheelEvent) => {
      if (!(event.ctrlKey || event.metaKey) || !element) return;
      event.preventDefault();
      const there = element.getBoundingClientRect();
      zoom(Math.exp(-event.deltaY / 200), { x: event.clientX - there.left, y: event.clientY - there.top });
    };
    element?.addEventListener("wheel", onWheel, { passive: false });
    return () => element?.removeEventListener("wheel", onWheel);
  }, [drawn]);

  /** What the keyboard comes to and is out of sight moves to the middle. */
  const reveal = (target: Element) => {
    const element = box.current;
    if (!element || target === element || !target.matches(":focus-visible")) return;
    const [there, all] = [target.getBoundingClientRect(), element.getBoundingClientRect()];
    const inside = there.left >= all.left && there.right <= all.right && there.top >= all.top && there.bottom <= all.bottom;
    if (inside) return;
    const [x, y] = [there.left - all.left + there.width / 2, there.top - all.top + there.height / 2];
    change((look, picture, seen) => centred(look.scale, { x: look.x + x / look.scale, y: look.y + y / look.scale }, picture, seen));
    element.scrollIntoView({ block: "nearest" });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const arrow = ARROWS[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (arrow) change((look, picture, seen) => moved(look, ...arrow, picture, seen));
    else if (event.key === "+" || event.key === "=") zoom(STEP);
    else if (event.key === "-") zoom(1 / STEP);
    else if (event.key === "0") all();
    else return;
    event.preventDefault();
  };
  const onPointerDown = (event: PointerEvent) => {
    dragged.current = false;
    if (event.button !== 0) return;
    const element = event.currentTarget as HTMLElement;
    let { clientX: x, clientY: y } = event;
    const onMove = (to: PointerEvent) => {
      if (!dragged.current && Math.hypot(to.clientX - x, to.clientY - y) < 4) return;
      if (!dragged.current) element.setPointerCapture(event.pointerId);
      dragged.current = true;
      const [dx, dy] = [to.clientX - x, to.clientY - y];
      [x, y] = [to.clientX, to.clientY];
      change((look, picture, seen) => moved(look, dx, dy, picture, seen));
    };
    const onEnd = () => {
      element.removeEventListener("pointermove", onMove);
      for (const end of ["pointerup", "pointercancel"]) element.removeEventListener(end, onEnd);
    };
    element.addEventListener("pointermove", onMove);
    for (const end of ["pointerup", "pointercancel"]) element.addEventListener(end, onEnd);
  };
  return { anchor, dragged, reveal, onKeyDown, onPointerDown, in: () => zoom(STEP), out: () => zoom(1 / STEP), all };
}

/** The most room that there is for the box. */
function most(element: HTMLElement): Size {
  const tab = element.closest(".aether-tab");
  const height = tab ? Math.max(MIN_HEIGHT, tab.clientHeight * OF_TAB) : MAX_HEIGHT;
  return { width: element.parentElement?.clientWidth || 600, height };
}

function draw(drawn: Picture | null, look: Look, seen: Size): void {
  const [x, y] = [(drawn?.x ?? 0) + look.x, (drawn?.y ?? 0) + look.y];
  drawn?.svg.setAttribute("viewBox", `${x} ${y} ${seen.width / look.scale} ${seen.height / look.scale}`);
  const partly = drawn && (drawn.width * look.scale > seen.width + 1 || drawn.height * look.scale > seen.height + 1);
  const frame = drawn?.svg.closest(".aether-frame");
  frame?.toggleAttribute("data-partly", partly === true);
  frame?.toggleAttribute("data-far", look.scale < FAR);
}

/** What a new picture, or one in a box of another size, shows at first. */
function next(
  drawn: Picture, seen: Size, look: Look | null, before: Picture | null, touched: boolean, anchor: string, view: RunShape,
): Look {
  const whole = fit(drawn, seen);
  if (look && before && (touched || (anchor !== "" && whole.scale < look.scale * 0.75))) {
    const id = anchor || nearest(before, look, seen, drawn);
    const [was, is] = [before.places.get(id), drawn.places.get(id)];
    return followed(look, was ?? { x: 0, y: 0 }, is ?? was ?? { x: 0, y: 0 }, drawn, seen);
  }
  const busy = view.nodes.find((n) => n.status === "waiting") ?? view.nodes.find((n) => n.status === "running");
  return opening(drawn, seen, (busy && drawn.places.get(busy.id)) ?? null);
}

/** The node nearest to the middle of what is seen, of those that the new picture has, too. */
function nearest(before: Picture, look: Look, seen: Size, drawn: Picture): string {
  const middle = { x: look.x + seen.width / look.scale / 2, y: look.y + seen.height / look.scale / 2 };
  let [best, least] = ["", Infinity];
  for (const [id, place] of before.places) {
    const far = Math.hypot(place.x - middle.x, place.y - middle.y);
    if (far < least && drawn.places.has(id)) [best, least] = [id, far];
  }
  return best;
}
