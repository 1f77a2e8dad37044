/** Which texts are the same with Markdown and without. Pure. */

const PLAIN = /^[\p{L}\p{N}'"(“‘][\p{L}\p{N} ,.;:?!'"()%$€…–—’‘“”]*$/u;
const LISTED = /^\d+[.)](?:\s|$)|\bwww\./i;

/** Whether a text says the same as Markdown: one line without marks, links or a number before it. */
export const isPlain = (text: string): boolean => PLAIN.test(text) && !LISTED.test(text);
