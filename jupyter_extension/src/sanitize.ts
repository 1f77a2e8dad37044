/**
 * The chunk that makes elements of Markdown: marked makes HTML of it, DOMPurify lets through what is
 * harmless. The text is hostile until then; this is the only place where HTML is made from text.
 */

import DOMPurify from "dompurify";
import { marked } from "marked";

const CLEAN = {
  ALLOWED_TAGS: (
    "a b blockquote br code del em h1 h2 h3 h4 h5 h6 hr i img kbd li ol p pre s strong sub sup " +
    "table tbody td th thead tr ul"
  ).split(" "),
  ALLOWED_ATTR: ["href", "src", "alt", "title", "start", "align", "target", "rel"],
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:|data:image\/|[^a-z]|[a-z+.-]+(?:[^a-z+.:-]|$))/i,
  RETURN_DOM_FRAGMENT: true as const,
};

/** A sanitizer of our own, so that its hook meets nobody else's content. */
const purify = DOMPurify(window);
purify.addHook("afterSanitizeAttributes", (element) => {
  if (element.localName === "a") {
    if (/^data:/i.test(element.getAttribute("href") ?? "")) element.removeAttribute("href");
    element.setAttribute("target", "_blank");
    element.setAttribute("rel", "noopener noreferrer");
  }
  // a picture from elsewhere would tell that place who reads this
  if (element.localName === "img" && !/^data:image\//i.test(element.getAttribute("src") ?? "")) {
    element.replaceWith(element.getAttribute("alt") ?? "");
  }
});

/** The elements that a text is. */
export function render(text: string): DocumentFragment {
  const options = { gfm: true, breaks: true, async: false as const };
  const blocks = marked.lexer(text, options).filter((token) => token.type !== "space");
  const inline = blocks.length === 1 && blocks[0]?.type === "paragraph";
  const html = inline ? marked.parseInline(text.trim(), options) : marked.parse(text, options);
  return purify.sanitize(html as string, CLEAN);
}
