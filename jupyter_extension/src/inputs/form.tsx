/**
 * Asks for an object, with a form made from its schema. What draws forms is a file of its own that
 * comes over the comm; until it is here, or when it cannot be had, the object is written as JSON.
 */

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { loadChunk, loadedChunk } from "../chunks";
import { sentences } from "../format";
import type { FormView } from "../forms/forms";
import { focusFirst } from "../focus";
import { useModel, useSession } from "../hooks";
import { useElementId } from "../ids";
import type { InputProps, Of } from "./kit";
import { AnswerForm, Field, SubmitButton, useDraft, useFaults } from "./kit";
import type { JsonObject } from "./objects";
import { isObject, parseObject, properties, skeleton } from "./objects";

type Forms = typeof import("../forms/forms");

/** A kernel that is at work sends nothing: who wants to answer now can. */
const PATIENCE_MS = 4000;

export function FormInput(props: InputProps<Of<"form">>) {
  const { token, prompt } = props;
  const place = useRef<HTMLDivElement>(null);
  const [value, setValue] = useDraft<JsonObject>(token, prompt.value, isObject);
  const [writing, setWriting] = useState(false);
  const { forms, late } = useForms();
  const drawn = forms !== null && !writing;
  useLayoutEffect(() => {
    // who was brought to this question while the form was on its way goes on in its first field
    if (document.activeElement === place.current) focusFirst(place.current);
  }, [drawn, late]);
  return (
    <div ref={place} class="aether-place" tabIndex={-1}>
      {drawn ? (
        <Drawn {...props} forms={forms} value={value} change={setValue} />
      ) : late || writing ? (
        <Written {...props} value={value} change={setValue} writing={setWriting} />
      ) : (
        <div class="aether-muted" role="status">
          The form is on its way…
        </div>
      )}
    </div>
  );
}

/** What draws forms, once it is here; `late` when it is not to be expected soon. */
function useForms(): { forms: Forms | null; late: boolean } {
  const { link } = useSession();
  const alive = useModel(useSession()).link === "live";
  const [forms, setForms] = useState(() => loadedChunk<Forms>("forms.js"));
  const [late, setLate] = useState(false);
  useEffect(() => {
    if (forms) return undefined;
    let here = true;
    const timer = setTimeout(() => setLate(true), PATIENCE_MS);
    loadChunk<Forms>("forms.js", link).then(
      (loaded) => here && setForms(loaded),
      (error: unknown) => {
        if (here) setLate(true);
        console.warn("aether_nb: no forms, an object is written as JSON", error);
      },
    );
    return () => {
      here = false;
      clearTimeout(timer);
    };
  }, [alive]);
  return { forms, late };
}

interface ObjectProps extends InputProps<Of<"form">> {
  value: JsonObject;
  change: (value: JsonObject) => void;
}

/** The form itself, which has a Preact of its own: it lives in an element that we leave alone. */
function Drawn({ forms, prompt, value, problems, busy, change, answer }: ObjectProps & { forms: Forms }) {
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<FormView | null>(null);
  const id = useElementId();
  useLayoutEffect(() => {
    if (!place.current) return undefined;
    view.current = forms.mountForm(place.current);
    return () => view.current?.unmount();
  }, [forms]);
  useLayoutEffect(() => {
    const { schema, submit, value: first } = prompt;
    view.current?.draw({ id, schema, submit, value, first, problems, busy, change, answer });
  });
  return <div ref={place} />;
}

interface WrittenProps extends ObjectProps {
  /** Says whether what stands there is no object yet, and must not be taken away. */
  writing: (unfinished: boolean) => void;
}

function Written({ prompt, labelId, noteId, problems, busy, answer, value, change, writing }: WrittenProps) {
  const [text, setText] = useState(() => JSON.stringify({ ...skeleton(prompt.schema), ...value }, null, 2));
  const faults = useFaults(problems);
  const { found, object } = parseObject(text);
  const onInput = (event: { currentTarget: HTMLTextAreaElement }) => {
    const typed = event.currentTarget.value;
    const parsed = parseObject(typed).object;
    setText(typed);
    faults.changed();
    if (parsed) change(parsed);
    writing(!parsed);
  };
  const submit = () => {
    if (faults.pass(found) && object) answer(object);
  };
  return (
    <AnswerForm class="aether-stack" busy={busy} submit={submit}>
      <Field
        labelId={labelId}
        noteId={noteId}
        hint="The form cannot be had from the kernel just now. This is the answer as JSON."
        fault={faults.says(sentences(problems).join(" "), found)}
      >
        {(aria) => (
          <textarea
            class="aether-input aether-json"
            rows={8}
            spellcheck={false}
            value={text}
            readOnly={busy}
            onInput={onInput}
            {...aria}
          />
        )}
      </Field>
      <Expected prompt={prompt} />
      <div class="aether-buttons">
        <SubmitButton busy={busy} title="Ctrl+Enter">
          {prompt.submit || "Submit"}
        </SubmitButton>
      </div>
    </AnswerForm>
  );
}

function Expected({ prompt }: { prompt: Of<"form"> }) {
  return (
    <dl class="aether-pairs">
      {properties(prompt.schema).map(({ name, words }) => (
        <>
          <dt key={name}>{name}</dt>
          <dd>{words}</dd>
        </>
      ))}
    </dl>
  );
}
