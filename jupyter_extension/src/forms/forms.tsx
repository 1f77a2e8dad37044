/**
 * The chunk that draws forms: rjsf on Preact, with checks, inputs and a layout of our own. Its own
 * file, as it is large; it has a Preact of its own and draws into an element that the core leaves alone.
 */

import RjsfForm from "@rjsf/core/lib/components/Form.js";
import { englishStringTranslator, TranslatableString } from "@rjsf/utils";
import type { ComponentType } from "preact";
import { render } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import type { Json, Problems } from "../api";
import { sentence } from "../format";
import { SubmitButton } from "../inputs/kit";
import type { JsonObject } from "../inputs/objects";
import type { Schema } from "./schema";
import { answerOf, drawable, hintsOf, problemsAt, without } from "./schema";
import { templates } from "./templates";
import { validator } from "./validator";
import { fields, widgets } from "./widgets";

export interface FormProps {
  /** Unique on the page. */
  id: string;
  schema: Schema;
  /** Words of the button. */
  submit: string;
  /** What stands in the fields when the form is first drawn, and what stood there before anybody came. */
  value: JsonObject;
  first: JsonObject;
  problems: Problems;
  busy: boolean;
  /** Something was filled in: what to keep of it. */
  change: (value: JsonObject) => void;
  answer: (value: Json) => void;
}

export interface FormView {
  draw(props: FormProps): void;
  unmount(): void;
}

/** A form in an element. */
export function mountForm(place: HTMLElement): FormView {
  return {
    draw: (props) => render(<ModelForm {...props} />, place),
    unmount: () => render(null, place),
  };
}

/** Its types would be instantiated without end; what it gets here is told by its documentation. */
const Form = RjsfForm as unknown as ComponentType<Record<string, unknown>>;

/** What is added to a mapping begins empty, whatever it is. */
const translate = (text: TranslatableString, words?: string[]): string =>
  text === TranslatableString.NewStringDefault ? "" : englishStringTranslator(text, words);

interface Change {
  formData?: Json;
}

const DEFAULTS = { emptyObjectFields: "populateRequiredDefaults" as const, arrayMinItems: { populate: "requiredOnly" as const } };

function ModelForm({ id, schema, submit, value, first, problems, busy, change, answer }: FormProps) {
  const place = useRef<HTMLDivElement>(null);
  const [start] = useState(value);
  const [drawn, hints] = useMemo(() => [drawable(schema), hintsOf(schema)], [schema]);
  const [tried, setTried] = useState(false);
  /** Of the kernel's problems those that no change has touched yet. */
  const [open, setOpen] = useState({ of: problems, left: problems });
  const left = open.of === problems ? open.left : problems;
  const { tree, rest } = useMemo(() => problemsAt(schema, left), [schema, left]);
  const onChange = (data: Json | undefined, field: string | undefined) => {
    change((data ?? {}) as JsonObject);
    if (field) setOpen({ of: problems, left: without(schema, left, field.slice(id.length + 1)) });
  };
  const onError = () => {
    setTried(true);
    place.current?.querySelector<HTMLElement>(FAULTY)?.focus();
  };
  return (
    <div ref={place}>
      <Form
        className="aether-form"
        idPrefix={id}
        idSeparator="."
        schema={drawn}
        uiSchema={hints}
        initialFormData={start}
        validator={validator}
        fields={fields}
        widgets={widgets}
        templates={templates}
        translateString={translate}
        extraErrors={tree}
        experimental_defaultFormStateBehavior={DEFAULTS}
        liveValidate={tried ? "onChange" : false}
        showErrorList={false}
        noHtml5Validate
        readonly={busy}
        onChange={({ formData }: Change, field?: string) => onChange(formData, field)}
        onSubmit={({ formData }: Change) => !busy && answer(answerOf(schema, formData, first) ?? {})}
        onError={onError}
      >
        <div class="aether-buttons">
          <div role="alert" class="aether-problems">
            {rest.map(sentence).join(" ")}
          </div>
          <SubmitButton busy={busy}>{submit || "Submit"}</SubmitButton>
        </div>
      </Form>
    </div>
  );
}

const FAULTY = ":is(input, textarea)[aria-invalid=true], [role=radiogroup][aria-invalid=true] input";
