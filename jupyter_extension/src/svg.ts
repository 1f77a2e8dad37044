/**
 * The picture of a graph as DOM: what Graphviz drew, taken over element by element from a list of
 * what is harmless, with our own marks on its nodes. Statuses change by attribute, never by
 * drawing again.
 */

import type { NodeShape } from "./api";
import { counted, sign, word } from "./format";

const NS = "http://www.w3.org/2000/svg";
const ELEMENTS = new Set(["svg", "g", "path", "polygon", "polyline", "ellipse", "rect", "text", "tspan"]);
const ATTRIBUTES = new Set(
  (
    "viewBox d points cx cy rx ry x y width height transform fill stroke stroke-width " +
    "stroke-dasharray fill-opacity stroke-opacity text-anchor font-size font-weight font-style"
  ).split(" "),
);
/** Room around the picture for badges at its border. */
const EDGE = 5;
const CLASSES = new Set(["graph", "node", "edge", "cluster"]);

export interface Picture {
  svg: SVGSVGElement;
  /** In the units of DOT, of which one is a pixel on the page. */
  width: number;
  height: number;
  /** By node id: its groups (a node, or the cluster that it opened into). */
  nodes: Map<string, SVGGElement>;
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
  const room = { width: width + 2 * EDGE, height: height + 2 * EDGE };
  svg.setAttribute("viewBox", `${x - EDGE} ${y - EDGE} ${room.width} ${room.height}`);
  return { svg, ...room, nodes };
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
  const corner = upperRight(group);
  if (corner) {
    const badge = document.createElementNS(NS, "g");
    badge.setAttribute("class", "aether-badge");
    badge.setAttribute("transform", `translate(${corner.x - 4} ${corner.y + 1})`);
    const disc = document.createElementNS(NS, "circle");
    disc.setAttribute("r", "7");
    const glyph = document.createElementNS(NS, "text");
    glyph.setAttribute("text-anchor", "middle");
    glyph.setAttribute("dy", "0.36em");
    badge.append(disc, glyph);
    group.append(badge);
  }
  nodes.set(id, group);
}

/** The corner of the node's shape, from its numbers: a picture that is not shown has no boxes. */
function upperRight(group: SVGGElement): { x: number; y: number } | null {
  const shape = group.querySelector("path, polygon, ellipse, rect");
  if (!shape) return null;
  const number = (name: string) => Number(shape.getAttribute(name) ?? 0);
  if (shape.localName === "ellipse") {
    return { x: number("cx") + number("rx") * 0.8, y: number("cy") - number("ry") * 0.7 };
  }
  if (shape.localName === "rect") return { x: number("x") + number("width"), y: number("y") };
  const numbers = (shape.getAttribute("d") ?? shape.getAttribute("points") ?? "").match(/-?[\d.]+/g);
  if (!numbers) return null;
  const xs = numbers.filter((_, i) => i % 2 === 0).map(Number);
  const ys = numbers.filter((_, i) => i % 2 === 1).map(Number);
  return { x: Math.max(...xs), y: Math.min(...ys) };
}

/** Writes a node's status on its group, and on a map how far it is, if that is not what stands there. */
export function setStatus(group: SVGGElement, node: NodeShape): void {
  const count = node.count ? counted(node.count) : "";
  const title = `${node.label || node.name}: ${word(node.status)}${count && `, ${count}`}`;
  write(group.querySelector(":scope > title"), title);
  if (count) write(group.querySelector(":scope > text:nth-last-of-type(1)"), count);
  if (group.dataset["status"] === node.status) return;
  group.dataset["status"] = node.status;
  const glyph = group.querySelector(":scope > .aether-badge > text");
  if (glyph) glyph.textContent = sign(node.status);
}

function write(element: Element | null, text: string): void {
  if (element && element.textContent !== text) element.textContent = text;
}
