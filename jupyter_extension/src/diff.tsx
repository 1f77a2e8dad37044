/** What has changed in the code of a run, as lines that came and went. */

import { useState } from "preact/hooks";
import { useSession } from "./hooks";
import { newId } from "./replies";

/** Folded; the kernel is asked for it when somebody opens it. */
export function Changes() {
  const { link } = useSession();
  const [text, setText] = useState("");
  const ask = async (): Promise<void> => {
    setText("The kernel is asked …");
    try {
      const ack = await link.request({ type: "changes", id: newId() });
      setText(ack.diff ?? ack.note ?? "");
    } catch {
      setText("The kernel that ran this is gone; run.changes has it in the next one.");
    }
  };
  return (
    <details class="aether-changes" onToggle={(event) => event.currentTarget.open && void ask()}>
      <summary>What has changed</summary>
      <Diff text={text} />
    </details>
  );
}

export function Diff({ text }: { text: string }) {
  return (
    <pre class="aether-diff" tabIndex={0}>
      {text.split("\n").map((line, i) => (
        <span key={i} data-line={/^[+-](?![+-]{2} )/.exec(line)?.[0] ?? ""}>
          {line}
          {"\n"}
        </span>
      ))}
    </pre>
  );
}
