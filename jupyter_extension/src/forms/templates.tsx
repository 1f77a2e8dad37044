/** How a form is laid out: labels, what is expected or wrong under each field, groups, lists. */

import type {
  ArrayFieldItemTemplateProps,
  ArrayFieldTemplateProps,
  FieldTemplateProps,
  MultiSchemaFieldTemplateProps,
  ObjectFieldTemplateProps,
  OptionalDataControlsTemplateProps,
  WrapIfAdditionalTemplateProps,
} from "@rjsf/utils";
import { ADDITIONAL_PROPERTY_FLAG } from "@rjsf/utils";
import type { ComponentChildren, Ref } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { sentence } from "../format";
import { amount, numberHint, textHint } from "../inputs/limits";
import type { Schema } from "./schema";
import { isNamed } from "./schema";
import { aboutOf, labelOf, numberLimits, ticks } from "./widgets";

/** What is expected of a field, beyond its description. */
function hintOf(schema: Schema): string {
  const { type, minLength = 0, maxLength = null, minItems = 0, maxItems = null } = schema;
  if (schema.enum || schema.const !== undefined) return "";
  if (type === "string") {
    const limit = textHint({ min_length: minLength, max_length: maxLength, pattern: null, hint: "" });
    return limit || FORMATS[schema.format ?? ""] || "";
  }
  if (type === "array") return sentence(amount(minItems, maxItems, "item"));
  return type === "number" || type === "integer" ? numberHint(numberLimits(schema)) : "";
}

const FORMATS: Record<string, string> = {
  email: "An e-mail address.",
  uri: "A web address.",
  uuid: "A UUID.",
  duration: "A length of time such as PT1H30M.",
};

/** What is drawn as a group of fields, or as a list of them; it has a legend in place of a label. */
const groups = ({ type, anyOf, oneOf, items, uniqueItems }: Schema): boolean =>
  !anyOf && !oneOf && (type === "object" || (type === "array" && !(uniqueItems && items?.enum)));

/** An item says by its place what it is. */
const inList = (path: readonly (string | number)[]): boolean => typeof path[path.length - 1] === "number";

function FieldTemplate(props: FieldTemplateProps) {
  const { id, label, children, required, rawErrors, rawDescription, fieldPathId } = props;
  const schema = props.schema as Schema;
  if (schema.const !== undefined) return <div hidden>{children}</div>; // it says which kind of a union this is
  const faults = (rawErrors ?? []).map(sentence).join(" ");
  const named = ADDITIONAL_PROPERTY_FLAG in schema;
  if (fieldPathId.path.length === 0 || groups(schema)) {
    return (
      <WrapIfAdditionalTemplate {...props}>
        {children}
        <Fault text={faults} />
      </WrapIfAdditionalTemplate>
    );
  }
  return (
    <WrapIfAdditionalTemplate {...props}>
      <div class="aether-form-field">
        {!ticks(schema) && (
          <label class={inList(fieldPathId.path) ? "aether-hidden" : "aether-label"} id={labelOf(id)} for={id}>
            {named ? "Value" : label}
            {!required && !named && <span class="aether-muted"> (optional)</span>}
          </label>
        )}
        {children}
        <div class="aether-under" id={aboutOf(id)}>
          <Fault text={faults} />
          {rawDescription && <div class="aether-help">{rawDescription}</div>}
          {!faults && hintOf(schema)}
        </div>
      </div>
    </WrapIfAdditionalTemplate>
  );
}

const Fault = ({ text }: { text: string }) => (
  <div role="alert" class="aether-problems">
    {text}
  </div>
);

/** A field that the person named: its name, its value, and the way to take it off. */
function WrapIfAdditionalTemplate(props: WrapIfAdditionalTemplateProps) {
  const { schema, children } = props;
  return ADDITIONAL_PROPERTY_FLAG in schema ? <Named {...props} /> : <>{children}</>;
}

function Named({ id, label, readonly, children, onKeyRenameBlur, onRemoveProperty }: WrapIfAdditionalTemplateProps) {
  const name = useRef<HTMLInputElement>(null);
  const known = isNamed(label) ? label : "";
  useLayoutEffect(() => {
    if (!known && document.activeElement?.matches(".aether-add")) name.current?.focus(); // which has just added it
  }, []);
  const rename = (event: FocusEvent & { currentTarget: HTMLInputElement }) => {
    const typed = event.currentTarget.value.trim();
    if (typed && typed !== known) (onKeyRenameBlur as unknown as (event: FocusEvent) => void)(event);
    else event.currentTarget.value = known;
  };
  const toValue = (event: KeyboardEvent & { currentTarget: HTMLInputElement }) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    document.getElementById(id)?.focus();
  };
  return (
    <div class="aether-named">
      <div class="aether-form-field">
        <label class="aether-label" for={`${id}.key`}>
          Name
        </label>
        <input
          key={label}
          ref={name}
          id={`${id}.key`}
          class="aether-input"
          type="text"
          autocomplete="off"
          defaultValue={known}
          readOnly={readonly}
          onBlur={rename}
          onKeyDown={toValue}
        />
      </div>
      {children}
      <Remove what={known || "entry"} disabled={readonly} onClick={onRemoveProperty} />
    </div>
  );
}

interface GroupProps {
  id: string;
  title: string;
  required: boolean;
  description: ComponentChildren;
  controls?: ComponentChildren;
  children: ComponentChildren;
}

function Group({ id, title, required, description, controls, children }: GroupProps) {
  return (
    <fieldset class="aether-group" id={id} aria-describedby={description ? `${id}.about` : undefined}>
      <legend>
        {title}
        {!required && <span class="aether-muted"> (optional)</span>}
      </legend>
      {description && (
        <div class="aether-help" id={`${id}.about`}>
          {description}
        </div>
      )}
      {children}
      {controls}
    </fieldset>
  );
}

function ObjectFieldTemplate(props: ObjectFieldTemplateProps) {
  const { fieldPathId, title, description, required = false, properties, optionalDataControl, readonly, onAddProperty } = props;
  const schema = props.schema as Schema;
  if ((schema.anyOf || schema.oneOf) && !schema.properties) return null; // the kind that was chosen is drawn beside it
  const content = properties.map((each) => each.content);
  const { path } = fieldPathId;
  if (path.length === 0) return <div class="aether-form-fields">{content}</div>;
  if (schema.kind) {
    return (
      <div class="aether-form-fields">
        {content}
        {optionalDataControl}
      </div>
    );
  }
  const open = typeof schema.additionalProperties === "object" || schema.additionalProperties === true;
  return (
    <Group
      id={fieldPathId.$id}
      title={inList(path) ? `${title} ${Number(path[path.length - 1]) + 1}` : title}
      required={required}
      description={description}
      controls={optionalDataControl}
    >
      <div class="aether-form-fields">{content}</div>
      {open && <Add what="entry" disabled={readonly} onClick={onAddProperty} />}
    </Group>
  );
}

/** A list: what is added gets the cursor, and after a removal it stands at the button that adds. */
function ArrayFieldTemplate(props: ArrayFieldTemplateProps) {
  const { fieldPathId, title, schema, required = false, items, canAdd, optionalDataControl, readonly, onAddClick } = props;
  const list = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const count = useRef(items.length);
  useLayoutEffect(() => {
    const more = items.length - count.current;
    count.current = items.length;
    if (more > 0) list.current?.lastElementChild?.querySelector<HTMLElement>("input, textarea, select")?.focus();
    if (more < 0) button.current?.focus();
  }, [items.length]);
  const hint = hintOf(schema as Schema);
  const description = [schema.description && `${schema.description} `, hint].filter(Boolean);
  return (
    <Group
      id={fieldPathId.$id}
      title={title}
      required={required}
      description={description.length > 0 && description}
      controls={optionalDataControl}
    >
      <div class="aether-items" ref={list}>
        {items}
      </div>
      {canAdd && <Add what={itemOf(schema as Schema)} disabled={readonly} onClick={onAddClick} at={button} />}
    </Group>
  );
}

/** What one item of a list is called. */
const itemOf = ({ items }: Schema): string => items?.title ?? "item";

function ArrayFieldItemTemplate(props: ArrayFieldItemTemplateProps) {
  const { children, buttonsProps, hasToolbar, index, readonly } = props;
  const { hasMoveUp, hasMoveDown, hasRemove, onMoveUpItem, onMoveDownItem, onRemoveItem } = buttonsProps;
  const what = `item ${index + 1}`;
  const move = (sign: string, label: string, able: boolean, act: unknown) => (
    <button
      type="button"
      class="aether-quiet"
      aria-label={`Move ${what} ${label}`}
      title={`Move ${label}`}
      disabled={readonly || !able}
      onClick={act as () => void}
    >
      {sign}
    </button>
  );
  return (
    <div class="aether-item">
      {children}
      {hasToolbar && (
        <div class="aether-item-actions">
          {(hasMoveUp || hasMoveDown) && move("↑", "up", hasMoveUp, onMoveUpItem)}
          {(hasMoveUp || hasMoveDown) && move("↓", "down", hasMoveDown, onMoveDownItem)}
          {hasRemove && <Remove what={what} disabled={readonly} onClick={onRemoveItem} />}
        </div>
      )}
    </div>
  );
}

function MultiSchemaFieldTemplate({ selector, optionSchemaField }: MultiSchemaFieldTemplateProps) {
  return (
    <div class="aether-kinds">
      {selector}
      {optionSchemaField}
    </div>
  );
}

function OptionalDataControlsTemplate({ id, onAddClick, onRemoveClick }: OptionalDataControlsTemplateProps) {
  if (!onAddClick && !onRemoveClick) return null;
  const act = (onAddClick ?? onRemoveClick) as () => void;
  return (
    <button type="button" id={id} class="aether-quiet aether-add" onClick={() => act()}>
      {onAddClick ? "+ Fill in" : "✕ Leave out"}
    </button>
  );
}

interface ActionProps {
  what: string;
  disabled: boolean | undefined;
  onClick: unknown;
}

function Add({ what, disabled, onClick, at = null }: ActionProps & { at?: Ref<HTMLButtonElement> | null }) {
  return (
    <button ref={at} type="button" class="aether-quiet aether-add" disabled={disabled} onClick={onClick as () => void}>
      + Add {what}
    </button>
  );
}

function Remove({ what, disabled, onClick }: ActionProps) {
  return (
    <button
      type="button"
      class="aether-quiet"
      aria-label={`Remove ${what}`}
      title="Remove"
      disabled={disabled}
      onClick={onClick as () => void}
    >
      ✕
    </button>
  );
}

export const templates = {
  FieldTemplate,
  WrapIfAdditionalTemplate,
  ObjectFieldTemplate,
  ArrayFieldTemplate,
  ArrayFieldItemTemplate,
  MultiSchemaFieldTemplate,
  OptionalDataControlsTemplate,
};
