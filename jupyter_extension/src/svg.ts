/**
 * The picture of a graph as DOM: what Graphviz drew, taken over element by element from a list of
 * what is harmless, with our own marks on its nodes. Statuses change by attribute, never by
 * drawing again.
 */

import type { CountShape, NodeShape } from "./api";
import { counted, sign, word } from "./format";
import type { Point } from "./zoom";

const NS = "http://www.w3.org/2000/svg";
const ELEMENTS = new Set(["svg", "g", "path", "polygon", "polyline", "ellipse", "rect", "text", "tspan"]);
const ATTRIBUTES = new Set(
  (
    "viewBox d points cx cy rx ry x y width height transform fill stroke stroke-width " +
    "stroke-dasharray fill-opacity stroke-opacity text-anchor font-size font-weight font-style"
  ).split(" "),
);
/** Room around the picture for badges at its border. */
const EDGE = 9;
const CORNER = { corner: 4, drop: 0 };
const CLASSES = new Set(["graph", "node", "edge", "cluster"]);

export interface Picture {
  svg: SVGSVGElement;
  /** In the units of DOT, of which one is a pixel on the page. */
  width: number;
  height: number;
  /** Its upper left corner. */
  x: number;
  y: number;
  /** By node id: its element (a node, or the cluster that it opened into). */
  nodes: Map<string, SVGGElement>;
  /** By node id: the middle of it, from the corner of the picture. */
  places: Map<string, Point>;
  edges: Edge[];
}

interface Edge {
  element: Element;
  from: string;
  to: string;
}

/** Makes the picture from SVG text; null when that is none. */
export function picture(text: string): Picture | null {
  const source = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
  if (source.localName !== "svg") return null;
  const svg = document.createElementNS(NS, "svg");
  const nodes = new Map<string, SVGGElement>();
  copyInto(svg, source, nodes);
  const box = (source.getAttribute("viewBox") ?? "").split(/[\s,]+/).map(Number);
  const [x = 0, y = 0, width = 0, height = 0] = box;
  if (!(width > 0 && height > 0)) return null;
  const [dx = 0, dy = 0] = (svg.querySelector(".graph")?.getAttribute("transform") ?? "")
    .match(/translate\(([-\d.]+)[ ,]+([-\d.]+)\)/)?.slice(1).map(Number) ?? [];
  const corner = { x: x - EDGE, y: y - EDGE };
  const places = new Map<string, Point>();
  for (const [id, group] of nodes) {
    const { left, right, top, bottom } = extent(group) ?? { left: 0, right: 0, top: 0, bottom: 0 };
    places.set(id, { x: (left + right) / 2 + dx - corner.x, y: (top + bottom) / 2 + dy - corner.y });
  }
  const ways = edges(source, svg);
  inOrder(svg.querySelector(".graph") ?? svg, isLying(ways, places));
  return { svg, width: width + 2 * EDGE, height: height + 2 * EDGE, ...corner, nodes, places, edges: ways };
}

/**
 * Puts what the keyboard comes to into the order of reading, along the edges. What stands inside a cluster begins
 * below and to the right of its corner, so that no cluster is drawn over it; edges are drawn last.
 */
function inOrder(graph: Element, lies: boolean): void {
  const groups = [...graph.querySelectorAll<SVGGElement>(":scope > :is(.node, .cluster)")].map((group) => {
    const { left = 0, right = 0, top = 0, bottom = 0 } = extent(group) ?? {};
    const [x, y] = group.classList.contains("cluster") ? [left, top] : [(left + right) / 2, (top + bottom) / 2];
    return { group, along: lies ? x : y, across: lies ? y : x };
  });
  groups.sort((a, b) => a.along - b.along || a.across - b.across);
  graph.append(...groups.map(({ group }) => group), ...graph.querySelectorAll(":scope > .edge"));
}

/** Whether its edges go to the right, and not down. */
function isLying(edges: readonly Edge[], places: ReadonlyMap<string, Point>): boolean {
  let [right, down] = [0, 0];
  for (const { from, to } of edges) {
    const [a, b] = [places.get(from), places.get(to)];
    if (a && b && b.x > a.x) right++;
    if (a && b && b.y > a.y) down++;
  }
  return right > down;
}

/** Graphviz names an edge in its title, by the nodes at its ends. */
function edges(source: Element, svg: Element): Edge[] {
  const copies = svg.querySelectorAll(".edge");
  return [...source.querySelectorAll(".edge")].flatMap((edge, i) => {
    const ends = /^n:(.+?)->n:(.+)$/s.exec(edge.querySelector("title")?.textContent ?? "");
    const [element, from, to] = [copies[i], ends?.[1], ends?.[2]];
    return element && from && to ? [{ element, from, to }] : [];
  });
}

/** Draws the ways to and from what is skipped as faint as that. */
export function setFaint(picture: Picture, nodes: readonly NodeShape[]): void {
  const skipped = new Set(nodes.filter((node) => node.status === "skipped").map((node) => node.id));
  for (const { element, from, to } of picture.edges) {
    element.toggleAttribute("data-faint", skipped.has(from) || skipped.has(to));
  }
}

function copyInto(to: SVGElement, from: Element, nodes: Picture["nodes"]): void {
  for (const { name, value } of from.attributes) {
    if (ATTRIBUTES.has(name) && !/url\s*\(|script:/i.test(value)) to.setAttribute(name, value);
  }
  const kind = from.getAttribute("class") ?? "";
  if (CLASSES.has(kind)) to.setAttribute("class", kind);
  for (const child of from.childNodes) {
    if (child.nodeType === Node.TEXT_NODE) to.append(child.textContent ?? "");
    else if (child instanceof Element && isLink(child)) {
      copyInto(to, child, nodes); // its content without the link, so that a node's shape is its child
    } else if (child instanceof Element && ELEMENTS.has(child.localName)) {
      const copy = document.createElementNS(NS, child.localName);
      copyInto(copy, child, nodes);
      to.append(copy);
    }
  }
  const id = /^[nc]:(.+)$/s.exec(from.id)?.[1];
  if (id !== undefined && to instanceof SVGGElement) mark(to, id, nodes);
}

/** Graphviz draws what has a tooltip as a link, in a group of its own. */
function isLink(element: Element): boolean {
  return element.localName === "a" || (element.localName === "g" && element.id.startsWith("a_"));
}

/** Gives a node's group its marks: id, tooltip, and a badge at the upper right corner. */
function mark(group: SVGGElement, id: string, nodes: Picture["nodes"]): void {
  group.dataset["aetherNode"] = id;
  group.append(document.createElementNS(NS, "title"));
  const sides = extent(group);
  if (sides) group.append(badge("aether-badge", sides.right - sides.corner, sides.top + 1 + sides.drop));
  nodes.set(id, group);
}

function badge(kind: string, x: number, y: number): SVGGElement {
  const found = document.createElementNS(NS, "g");
  found.setAttribute("class", kind);
  found.setAttribute("transform", `translate(${x} ${y})`);
  const disc = document.createElementNS(NS, "circle");
  disc.setAttribute("r", "7");
  const glyph = document.createElementNS(NS, "text");
  glyph.setAttribute("text-anchor", "middle");
  glyph.setAttribute("dy", "0.36em");
  found.append(disc, glyph);
  return found;
}

/** Gives a group the button that folds or opens it, at its upper left corner; without `name` takes it away. */
export function setFold(group: SVGGElement, name: string | null): void {
  const old = group.querySelector<SVGGElement>(":scope > .aether-fold");
  const sides = name === null || old ? null : extent(group);
  if (name === null) old?.remove();
  if (!sides) return;
  const open = group.classList.contains("cluster");
  const button = badge("aether-fold", sides.left + (open ? 1 : sides.corner), sides.top + 1 + sides.drop);
  button.setAttribute("role", "button");
  button.setAttribute("tabindex", "0");
  button.setAttribute("aria-expanded", String(open));
  button.setAttribute("aria-label", `${open ? "Fold" : "Open"} ${name}`);
  const glyph = button.querySelector("text");
  if (glyph) glyph.textContent = open ? "−" : "+";
  group.append(button);
}

interface Extent {
  left: number;
  right: number;
  top: number;
  bottom: number;
  /** How far from its sides a badge stands, and how far below its top: where a corner is, there is none. */
  corner: number;
  drop: number;
}

/** How far the node's shape reaches, from its numbers: a picture that is not shown has no boxes. */
function extent(group: SVGGElement): Extent | null {
  const shape = group.querySelector("path, polygon, ellipse, rect");
  if (!shape) return null;
  const number = (name: string) => Number(shape.getAttribute(name) ?? 0);
  if (shape.localName === "ellipse") {
    const [cx, cy, rx, ry] = [number("cx"), number("cy"), number("rx"), number("ry")];
    return { left: cx - rx, right: cx + rx, top: cy - ry, bottom: cy + ry, corner: rx * 0.3, drop: ry * 0.3 };
  }
  const [x, y] = [number("x"), number("y")];
  if (shape.localName === "rect") {
    return { left: x, right: x + number("width"), top: y, bottom: y + number("height"), ...CORNER };
  }
  const numbers = (shape.getAttribute("d") ?? shape.getAttribute("points") ?? "").match(/-?[\d.]+/g);
  if (!numbers) return null;
  const xs = numbers.filter((_, i) => i % 2 === 0).map(Number);
  const ys = numbers.filter((_, i) => i % 2 === 1).map(Number);
  const sides = { left: Math.min(...xs), right: Math.max(...xs), top: Math.min(...ys), bottom: Math.max(...ys) };
  const slim = !xs.some((at, i) => (ys[i] ?? 0) < sides.top + 4 && at > sides.right - (sides.right - sides.left) / 4);
  return { ...sides, ...CORNER, ...(slim && { corner: (sides.right - sides.left) / 2 }) }; // slim: at a diamond's top
}

/** Writes a node's status on its element, and on a folded group how far it is, if that is not what stands there. */
export function setStatus(group: SVGGElement, node: NodeShape, of: CountShape | undefined): void {
  const count = of ? counted(of) : "";
  const title = `${node.label || node.name}: ${word(node.status)}${count && `, ${count}`}`;
  write(group.querySelector(":scope > title"), title);
  if (count && group.classList.contains("node")) {
    write(group.querySelector(":scope > text:nth-last-of-type(1)"), count);
  }
  if (group.dataset["status"] === node.status) return;
  group.dataset["status"] = node.status;
  const glyph = group.querySelector(":scope > .aether-badge > text");
  if (glyph) glyph.textContent = sign(node.status);
}

function write(element: Element | null, text: string): void {
  if (element && element.textContent !== text) element.textContent = text;
}
