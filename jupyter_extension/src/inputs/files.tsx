/** Asks for files: drop them, choose them, or name a path on the server; or for text in their place. */

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { FileRef } from "../api";
import { keepDraft, readDraft } from "../drafts";
import { bytes } from "../format";
import { useModel, useSession } from "../hooks";
import type { FileItem } from "../model";
import { newId } from "../replies";
import { filesHint } from "./filerules";
import type { Aria, InputProps, Of } from "./kit";
import { AnswerForm, Field, SubmitButton, useFaults, whole } from "./kit";

type FilesPrompt = Of<"files"> | Of<"text_or_files">;

/** Of the files only what the kernel has already: their labels, or their paths. */
interface Draft {
  files: (FileRef | { path: string })[];
  text: string;
}

const isDraft = (draft: unknown): draft is Draft =>
  typeof draft === "object" && draft !== null && Array.isArray((draft as Draft).files);

export function FilesInput({ token, prompt, labelId, noteId, problems, busy, answer }: InputProps<FilesPrompt>) {
  const session = useSession();
  const files = useFiles(token);
  const [text, setText] = useState(() => readDraft(token, isDraft)?.text ?? "");
  /** Submitted while a file was on its way: the answer goes when all are there. */
  const [due, setDue] = useState(false);
  const faults = useFaults(problems);
  const writes = prompt.kind === "text_or_files";
  const single = !prompt.multiple;
  const given = files.flatMap((file) => (file.ref ? [file.ref] : []));
  const found = missing(files, writes ? text : "", writes);

  useEffect(() => {
    keepDraft(token, given.length > 0 || text ? { files: given, text } : undefined);
  }, [files, text]);

  const add = (list: FileList | null | undefined) => {
    if (!busy) session.uploads.add(token, [...(list ?? [])], single);
    faults.changed();
  };
  const addPath = (path: string) => {
    session.uploads.addPath(token, path, single);
    faults.changed();
  };
  const sending = files.some((file) => file.state === "sending");
  const submit = () => {
    setDue(sending);
    if (!sending && faults.pass(found)) answer({ files: given, text: text.trim() });
  };
  useEffect(() => {
    if (due && !sending) submit();
  }, [due, sending]);
  return (
    <AnswerForm class="aether-stack" busy={busy} submit={submit}>
      <Field
        labelId={labelId}
        noteId={noteId}
        hint={due ? "Submits when all files are there." : filesHint(prompt)}
        fault={faults.says(whole(problems), found)}
      >
        {(aria) => (
          <div class="aether-files">
            {writes && (
              <TextBeside
                prompt={prompt}
                value={text}
                busy={busy}
                aria={aria}
                change={(typed) => {
                  setText(typed);
                  faults.changed();
                }}
              />
            )}
            <DropZone prompt={prompt} labelId={labelId} describedBy={aria["aria-describedby"]} add={add} />
            {files.length > 0 && (
              <ul class="aether-file-list" aria-label="Files">
                {files.map((file) => (
                  <FileRow
                    key={file.key}
                    file={file}
                    remove={() => session.uploads.remove(token, file.key)}
                    again={session.uploads.mayTry(file.key) && (() => session.uploads.again(token, file.key))}
                  />
                ))}
              </ul>
            )}
          </div>
        )}
      </Field>
      <div class="aether-row">
        <PathField busy={busy} add={addPath} />
        <div class="aether-buttons">
          <SubmitButton busy={busy || due} />
        </div>
      </div>
    </AnswerForm>
  );
}

/** The files of a question; those that the kernel had before the page was loaded again are back. */
function useFiles(token: string): readonly FileItem[] {
  const { model } = useSession();
  const files = useModel(useSession()).files[token];
  useLayoutEffect(() => {
    const refs = model.state.files[token] ? [] : (readDraft(token, isDraft)?.files ?? []);
    if (refs.length > 0) model.setFiles(token, refs.map(itemOf));
  }, [token]);
  return files ?? [];
}

function itemOf(ref: FileRef | { path: string }): FileItem {
  const item = { key: newId(), state: "ready" as const, ref };
  if (!("sha256" in ref)) return { ...item, name: ref.path, size: 0, sent: 0, note: "on the server" };
  return { ...item, name: ref.name, size: ref.size, sent: ref.size, note: "" };
}

function missing(files: readonly FileItem[], text: string, writes: boolean): string {
  if (files.some((file) => file.state === "failed")) return "Take the file that failed off the list, or give it again.";
  if (files.length > 0 || text.trim()) return "";
  return writes ? "A text or a file is needed." : "A file is needed.";
}

interface TextBesideProps {
  prompt: Of<"text_or_files">;
  value: string;
  busy: boolean;
  aria: Aria;
  change: (typed: string) => void;
}

function TextBeside({ prompt, value, busy, aria, change }: TextBesideProps) {
  const shared = {
    class: "aether-input",
    value,
    placeholder: prompt.placeholder,
    readOnly: busy,
    onInput: (event: { currentTarget: HTMLInputElement | HTMLTextAreaElement }) => change(event.currentTarget.value),
    ...aria,
  };
  return prompt.multiline ? <textarea rows={3} {...shared} /> : <input type="text" autocomplete="off" {...shared} />;
}

interface DropZoneProps {
  prompt: FilesPrompt;
  labelId: string;
  describedBy: string;
  add: (files: FileList | null | undefined) => void;
}

function DropZone({ prompt, labelId, describedBy, add }: DropZoneProps) {
  const picker = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const what = prompt.multiple ? "files" : "a file";
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
  return (
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
      <button type="button" class="aether-button" aria-describedby={describedBy} onClick={() => picker.current?.click()}>
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
  );
}

function PathField({ busy, add }: { busy: boolean; add: (path: string) => void }) {
  const [path, setPath] = useState("");
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || !path.trim()) return; // an empty field submits, as every field does
    event.preventDefault();
    take();
  };
  const take = () => {
    if (!path.trim() || busy) return;
    add(path.trim());
    setPath("");
  };
  return (
    <>
      <input
        class="aether-input"
        type="text"
        autocomplete="off"
        value={path}
        placeholder="or a path on the server"
        aria-label="Path on the server"
        onInput={(event) => setPath(event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      {path.trim() && (
        <button type="button" class="aether-button" onClick={take}>
          Add
        </button>
      )}
    </>
  );
}

interface FileRowProps {
  file: FileItem;
  remove: () => void;
  /** Sends it once more; false where that would change nothing. */
  again: false | (() => void);
}

function FileRow({ file, remove, again }: FileRowProps) {
  const { name, size, sent, state, note } = file;
  const sending = state === "sending";
  return (
    <li data-state={state}>
      <span class="aether-file-name" title={name}>
        {name}
      </span>
      {sending && <progress max={size || 1} value={sent} aria-label={`Uploading ${name}`} />}
      <span class={state === "failed" ? "aether-error-text" : "aether-muted"} role={state === "failed" ? "alert" : undefined}>
        {sending ? `${bytes(sent)} of ${bytes(size)}` : note || bytes(size)}
      </span>
      <span class="aether-file-actions">
        {state === "failed" && again && (
          <button type="button" class="aether-quiet" onClick={again}>
            Try again
          </button>
        )}
        <button type="button" class="aether-quiet" aria-label={`${sending ? "Cancel" : "Remove"} ${name}`} onClick={remove}>
          ✕
        </button>
      </span>
    </li>
  );
}
