/** Stands in for the Markdown library that rjsf would bring along: our templates show help as text. */

export const Markdown = (): null => null;
