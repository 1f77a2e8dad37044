/** The input of a prompt for files: drop them, choose them, or name a path on the server. */

import { useRef, useState } from "preact/hooks";
import type { Prompt } from "./api";
import { bytes } from "./format";
import { useModel, useSession } from "./hooks";
import type { FileItem } from "./model";
import type { InputProps } from "./prompt";
import { SubmitButton } from "./prompt";

type FilesPrompt = Extract<Prompt, { kind: "files" }>;

export function FilesInput({ token, prompt, labelId, noteId, busy, answer }: InputProps<FilesPrompt>) {
  const session = useSession();
  const files = useModel(session).files[token] ?? [];
  const picker = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const [path, setPath] = useState("");
  const single = !prompt.multiple;
  const add = (list: FileList | null | undefined) => {
    if (!busy) session.uploads.add(token, [...(list ?? [])], single);
  };
  const addPath = () => {
    if (path.trim() && !busy) session.uploads.addPath(token, path.trim(), single);
    setPath("");
  };
  const onDrop = (event: DragEvent) => {
    event.preventDefault();
    event.stopPropagation(); // the notebook would take it as an attachment
    setOver(false);
    add(event.dataTransfer?.files);
  };
  const onDragOver = (event: DragEvent) => {
    event.preventDefault();
    event.stopPropagation();
    setOver(true);
  };
  const given = files.flatMap((file) => (file.ref ? [file.ref] : []));
  const ready = files.length > 0 && files.every((file) => file.state === "ready");
  const what = single ? "a file" : "files";
  return (
    <div class="aether-files" aria-describedby={noteId}>
      <div
        class="aether-drop"
        data-over={over}
        onDrop={onDrop}
        onDragOver={onDragOver}
        onDragEnter={onDragOver}
        onDragLeave={() => setOver(false)}
      >
        <span>Drop {what} here</span>
        <span class="aether-muted">or</span>
        <button type="button" class="aether-button" onClick={() => picker.current?.click()}>
          Choose {what}
        </button>
        <input
          ref={picker}
          class="aether-hidden"
          type="file"
          tabIndex={-1}
          multiple={prompt.multiple}
          accept={prompt.accept.join(",")}
          aria-labelledby={labelId}
          onChange={(event) => {
            add(event.currentTarget.files);
            event.currentTarget.value = ""; // the same file may be chosen again
          }}
        />
      </div>
      {files.length > 0 && (
        <ul class="aether-file-list">
          {files.map((file) => (
            <FileRow key={file.key} file={file} remove={() => session.uploads.remove(token, file.key)} />
          ))}
        </ul>
      )}
      <div class="aether-fields">
        <input
          class="aether-input"
          type="text"
          value={path}
          placeholder="or a path on the server"
          aria-label="Path on the server"
          onInput={(event) => setPath(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter") addPath();
          }}
        />
        <button type="button" class="aether-button" onClick={addPath} disabled={!path.trim()}>
          Add
        </button>
        <SubmitButton busy={busy} disabled={!ready} onClick={() => answer({ files: given, text: "" })} />
      </div>
    </div>
  );
}

function FileRow({ file, remove }: { file: FileItem; remove: () => void }) {
  const { name, size, sent, state, note } = file;
  return (
    <li data-state={state}>
      <span class="aether-file-name" title={name}>
        {name}
      </span>
      {state === "sending" && <progress max={size || 1} value={sent} aria-label={`Uploading ${name}`} />}
      <span class={state === "failed" ? "aether-error-text" : "aether-muted"}>
        {state === "sending" ? `${bytes(sent)} of ${bytes(size)}` : note || bytes(size)}
      </span>
      <button type="button" class="aether-quiet" aria-label={`Remove ${name}`} onClick={remove}>
        ✕
      </button>
    </li>
  );
}
