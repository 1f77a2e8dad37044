/**
 * Holds still what is drawn while a pointer is pressed: a button that moves away between press and
 * release gets no click, and a run that adds a node or a message moves what stands beside it.
 */

const waiting = new Set<() => void>();
let pressed = false;

/** Acts now, or, while a pointer is pressed, once it is released and its click is over. */
export function whenReleased(act: () => void): void {
  if (pressed) waiting.add(act);
  else act();
}

function release(): void {
  if (!pressed) return;
  setTimeout(() => {
    pressed = false;
    const due = [...waiting];
    waiting.clear();
    for (const act of due) act();
  });
}

document.addEventListener("pointerdown", () => (pressed = true), true);
for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, release, true);
window.addEventListener("blur", release);
