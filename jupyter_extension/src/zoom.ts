/** Which part of a picture its box shows: fitting, zooming, moving. Pure; one unit of a picture is a pixel. */

export interface Size {
  width: number;
  height: number;
}

export interface Point {
  x: number;
  y: number;
}

/** What a box shows: the picture at this scale, from this point of it on. */
export interface Look extends Point {
  scale: number;
}

/** A picture is made smaller to fit, but not below this: then it opens where things happen. */
const READABLE = 0.6;
const LARGEST = 4;

/** The scale at which all of the picture is seen; it is never made larger for that. */
const fitting = (picture: Size, box: Size): number =>
  Math.min(1, box.width / picture.width, box.height / picture.height);

/** All of the picture, however small: of a long chain a line is left, whose colours tell how far it is. */
export function fit(picture: Size, box: Size): Look {
  return kept({ scale: fitting(picture, box), x: 0, y: 0 }, picture, box);
}

/** All of the picture, or, when nothing could be read then, what is around a point of it. */
export function opening(picture: Size, box: Size, at: Point | null): Look {
  const scale = fitting(picture, box);
  if (scale >= READABLE) return fit(picture, box);
  return centred(READABLE, at ?? { x: picture.width / 2, y: 0 }, picture, box);
}

/** A point of the picture in the middle of the box. */
export function centred(scale: number, at: Point, picture: Size, box: Size): Look {
  const look = { scale, x: at.x - box.width / scale / 2, y: at.y - box.height / scale / 2 };
  return kept(look, picture, box);
}

/** Larger or smaller, while what is at this place of the box stays there. */
export function zoomed(look: Look, factor: number, at: Point, picture: Size, box: Size): Look {
  const least = Math.min(fitting(picture, box), READABLE);
  const scale = Math.min(LARGEST, Math.max(least, look.scale * factor));
  const keep = 1 / look.scale - 1 / scale;
  return kept({ scale, x: look.x + at.x * keep, y: look.y + at.y * keep }, picture, box);
}

/** The picture moved by so many pixels of the page. */
export function moved(look: Look, dx: number, dy: number, picture: Size, box: Size): Look {
  return kept({ ...look, x: look.x - dx / look.scale, y: look.y - dy / look.scale }, picture, box);
}

/** A new picture in which one point has gone elsewhere: it stays where it is seen. */
export function followed(look: Look, was: Point, is: Point, picture: Size, box: Size): Look {
  return kept({ ...look, x: look.x + is.x - was.x, y: look.y + is.y - was.y }, picture, box);
}

/** Nothing beside the picture is shown: what is smaller than the box stands in its middle. */
function kept(look: Look, picture: Size, box: Size): Look {
  return {
    scale: look.scale,
    x: within(look.x, picture.width, box.width / look.scale),
    y: within(look.y, picture.height, box.height / look.scale),
  };
}

function within(at: number, size: number, seen: number): number {
  return size <= seen ? (size - seen) / 2 : Math.min(Math.max(at, 0), size - seen);
}

/** The room that a picture gets: all of the width, so that it may be zoomed, and at most so high. */
export function room(picture: Size, width: number, height: number): Size {
  const scale = Math.max(fitting(picture, { width, height }), READABLE);
  return { width, height: Math.min(height, Math.ceil(picture.height * scale)) };
}
