/** What a run says and asks, in the order of its log. */

import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { MessageShape, PromptShape, RunShape } from "./api";
import { useModel, useSession } from "./hooks";
import { MessageView, inWords } from "./message";
import { PromptCard } from "./prompt";

/** Longer feeds show their end, the questions that are still open, and what goes on. */
const SHOWN = 30;
/** So much of a message is read out. */
const READ_OUT = 300;

type Item = { seq: number; order: number; busy: boolean } & ({ prompt: PromptShape } | { message: MessageShape });

/** Messages and prompts in one order. */
function items({ messages, prompts }: RunShape): Item[] {
  return [
    ...messages.map((message) => ({ seq: message.seq, order: message.order, busy: message.state === "live", message })),
    ...prompts.map((prompt) => ({ seq: prompt.seq, order: 0, busy: prompt.state === "open", prompt })),
  ].sort((a, b) => a.seq - b.seq || a.order - b.order);
}

export function Feed({ view }: { view: RunShape }) {
  const [all, setAll] = useState(false);
  const gone = useModel(useSession()).link === "dead";
  const every = useMemo(() => items(view), [view.messages, view.prompts]);
  const from = all ? 0 : every.length - SHOWN;
  const shown = every.filter((item, i) => i >= from || item.busy);
  const hidden = every.length - shown.length;
  return (
    <section class="aether-feed" aria-label="Messages and questions">
      {hidden > 0 && (
        <button type="button" class="aether-quiet" onClick={() => setAll(true)}>
          Show {hidden} earlier
        </button>
      )}
      {shown.map((item) =>
        "prompt" in item ? (
          <PromptCard key={item.prompt.token} prompt={item.prompt} />
        ) : (
          <MessageView key={item.message.id} message={item.message} gone={gone} />
        ),
      )}
      <div class="aether-hidden" aria-live="polite">
        {useNews(view.messages)}
      </div>
    </section>
  );
}

/** What is to be read out: messages that are new, and what was told to its end; nothing of what stood there. */
function useNews(messages: readonly MessageShape[]): string {
  const known = useRef<Set<string> | null>(null);
  const [news, setNews] = useState("");
  useLayoutEffect(() => {
    const over = messages.filter((m) => m.state !== "live");
    const fresh = known.current ? over.filter((m) => !known.current?.has(m.id)) : [];
    known.current = new Set(over.map((m) => m.id));
    if (fresh.length > 0) setNews(fresh.map((m) => inWords(m).slice(0, READ_OUT)).join(". "));
  }, [messages]);
  return news;
}
