/** The slider of a report: goes through the log of the run, by hand or by itself. */

import { useEffect, useRef, useState } from "preact/hooks";
import type { RunStatus } from "./api";
import { clockOfSeconds, duration, sign, word } from "./format";
import type { Replay } from "./replay";
import { milestones } from "./replay";

/** A run plays for about so long, whatever its length; but no step is shorter, and none longer, than this. */
const WHOLE_MS = 12_000;
const FASTEST_MS = 40;
const SLOWEST_MS = 900;

interface Props {
  replay: Replay;
  index: number;
  /** Of the run at that step. */
  status: RunStatus;
  go: (index: number) => void;
}

export function Player({ replay, index, status, go }: Props) {
  const [playing, play] = useState(false);
  const { steps } = replay;
  const last = steps.length - 1;
  const step = steps[index];
  const now = useRef(index);
  now.current = index;
  useEffect(() => {
    if (!playing) return undefined;
    const every = Math.min(SLOWEST_MS, Math.max(FASTEST_MS, WHOLE_MS / steps.length));
    const stride = Math.max(1, Math.round((steps.length * every) / WHOLE_MS));
    const timer = setInterval(() => {
      if (now.current >= last) return play(false);
      go(Math.min(last, now.current + stride));
    }, every);
    return () => clearInterval(timer);
  }, [playing]);
  const toggle = () => {
    if (!playing && index >= last) go(0);
    play(!playing);
  };
  const turn = (to: number) => {
    play(false);
    go(Math.min(last, Math.max(0, to)));
  };
  useArrows(index, turn, toggle);
  if (!step) return null;
  const since = step.at_ms - (steps[0]?.at_ms ?? step.at_ms);
  const told = `Step ${index + 1} of ${steps.length}, ${duration(since)} after the start: ${step.text}`;
  return (
    <section class="aether-player" aria-label="Replay">
      <div class="aether-player-row">
        <button type="button" class="aether-button aether-play" aria-label={playing ? "Pause" : "Play"} title="Space" onClick={toggle}>
          <span aria-hidden="true">{playing ? "❚❚" : "▶"}</span>
        </button>
        <button type="button" class="aether-quiet" aria-label="One step back" title="←" disabled={index === 0} onClick={() => turn(index - 1)}>
          ‹
        </button>
        <div class="aether-slide">
          <input
            type="range"
            min={0}
            max={last}
            value={index}
            aria-label="Step of the run"
            aria-valuetext={told}
            onInput={(event) => turn(Number(event.currentTarget.value))}
          />
          <Marks replay={replay} />
        </div>
        <button type="button" class="aether-quiet" aria-label="One step on" title="→" disabled={index === last} onClick={() => turn(index + 1)}>
          ›
        </button>
      </div>
      <div class="aether-player-row aether-told">
        <time dateTime={new Date(step.at_ms).toISOString()}>{clockOfSeconds(step.at_ms)}</time>
        <span class="aether-muted">+{duration(since)}</span>
        <span class="aether-happened">{step.text}</span>
        <span class="aether-pill" data-status={status}>
          <span class="aether-sign" aria-hidden="true">
            {sign(status)}
          </span>
          {word(status)}
        </span>
        <span class="aether-muted aether-count">
          {index + 1} / {steps.length}
        </span>
      </div>
    </section>
  );
}

/** Arrow keys and the space bar, from wherever they mean nothing else. */
function useArrows(index: number, turn: (to: number) => void, toggle: () => void): void {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const at = event.target as Element;
      if (event.ctrlKey || event.metaKey || event.altKey || at.closest("input, button, summary, a, [tabindex], [role=tab]")) return;
      if (event.key === "ArrowRight") turn(index + 1);
      else if (event.key === "ArrowLeft") turn(index - 1);
      else if (event.key === "Home") turn(0);
      else if (event.key === "End") turn(Infinity);
      else if (event.key === " ") toggle();
      else return;
      event.preventDefault();
    };
    window.addEventListener("keydown", onKeyDown);
    return () => window.removeEventListener("keydown", onKeyDown);
  });
}

function Marks({ replay }: { replay: Replay }) {
  const last = Math.max(1, replay.steps.length - 1);
  return (
    <div class="aether-marks" aria-hidden="true">
      {milestones(replay.steps).map(({ index, mark }) => (
        <span key={index} data-mark={mark} style={{ left: `${(index / last) * 100}%` }} />
      ))}
    </div>
  );
}
