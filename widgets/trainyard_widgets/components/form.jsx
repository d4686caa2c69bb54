// Form fields with their label, hint and error beside them; a refusal of the service finds its field by name.
import { createContext } from "preact";
import { useContext, useId, useState } from "preact/hooks";
import { Button } from "./button.jsx";
import { Note } from "./states.jsx";
import { t } from "./words.js";

const FormContext = createContext({ errors: {} });

// ``onSubmit`` returns a promise. A refusal with a field is shown at that field, any other above the buttons.
// ``back`` leads one step back where a form has steps.
export function Form({ onSubmit, submit, cancel, back, children, disabled, kind = "primary" }) {
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  const send = async (event) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setError(null);
    try {
      await onSubmit();
    } catch (refusal) {
      const place = refusal?.field && event.target.querySelector(`[name="${CSS.escape(refusal.field)}"]`);
      setError({ message: String(refusal), ...refusal, placed: Boolean(place) });
      if (place) requestAnimationFrame(() => place.focus());
    } finally {
      setBusy(false);
    }
  };
  const errors = error?.field ? { [error.field]: [error.message, error.hint].filter(Boolean).join(" ") } : {};
  return (
    <FormContext.Provider value={{ errors, refusal: error }}>
      <form class="ty-form" onSubmit={send} noValidate>
        {children}
        <FormRefusal error={error} />
        <div class="ty-form-foot">
          {back && <Button onClick={back}>{t("Back")}</Button>}
          {cancel && <Button onClick={cancel}>{t("Cancel")}</Button>}
          {submit && <Button kind={kind} type="submit" busy={busy} disabled={disabled}>{submit}</Button>}
        </div>
      </form>
    </FormContext.Provider>
  );
}

function FormRefusal({ error }) {
  if (!error || error.placed) return null;
  return <div role="alert"><Note kind="bad" title={error.message}>{error.hint}</Note></div>;
}

export function Field({ name, label, hint, error, children, optional }) {
  const id = useId();
  const problem = error ?? useContext(FormContext).errors[name];
  const described = problem ? `${id}-error` : hint ? `${id}-hint` : undefined;
  return (
    <div class={`ty-field${problem ? " ty-invalid" : ""}`}>
      <label for={id}>{label}{optional && <span class="ty-muted"> {t("(optional)")}</span>}</label>
      {children({ id, name, "aria-describedby": described, "aria-invalid": problem ? "true" : undefined })}
      {problem ? <div class="ty-field-error" id={`${id}-error`}>{problem}</div> : hint && <div class="ty-field-hint" id={`${id}-hint`}>{hint}</div>}
    </div>
  );
}

export function TextField({ name, label, hint, error, value, onChange, type = "text", optional, ...rest }) {
  return (
    <Field {...{ name, label, hint, error, optional }}>
      {(attributes) => <input class="ty-input" type={type} value={value} onInput={(event) => onChange(event.target.value)} {...attributes} {...rest} />}
    </Field>
  );
}

export function TextArea({ name, label, hint, error, value, onChange, optional, rows = 3, ...rest }) {
  return (
    <Field {...{ name, label, hint, error, optional }}>
      {(attributes) => <textarea class="ty-input" rows={rows} value={value} onInput={(event) => onChange(event.target.value)} {...attributes} {...rest} />}
    </Field>
  );
}

// ``options``: [{value, label, disabled?}]
export function SelectField({ name, label, hint, error, value, onChange, options, optional, ...rest }) {
  return (
    <Field {...{ name, label, hint, error, optional }}>
      {(attributes) => (
        <select class="ty-input" value={value} onChange={(event) => onChange(event.target.value)} {...attributes} {...rest}>
          {options.map((option) => <option key={option.value} value={option.value} disabled={option.disabled}>{option.label}</option>)}
        </select>
      )}
    </Field>
  );
}

export function CheckField({ name, label, hint, value, onChange, ...rest }) {
  const id = useId();
  return (
    <div class="ty-check">
      <input type="checkbox" id={id} name={name} checked={value} onChange={(event) => onChange(event.target.checked)} {...rest} />
      <label for={id}>{label}{hint && <span class="ty-field-hint">{hint}</span>}</label>
    </div>
  );
}

// Choices laid out with a sentence each. ``options``: [{value, label, hint?, disabled?}]
export function ChoiceField({ name, label, value, onChange, options, error }) {
  const problem = error ?? useContext(FormContext).errors[name];
  return (
    <fieldset class="ty-choices">
      <legend>{label}</legend>
      {options.map((option) => (
        <label key={option.value} class={`ty-choice${option.value === value ? " ty-chosen" : ""}${option.disabled ? " ty-disabled" : ""}`}>
          <input type="radio" name={name} value={option.value} checked={option.value === value} disabled={option.disabled} onChange={() => onChange(option.value)} />
          <span><strong>{option.label}</strong>{option.hint && <span class="ty-field-hint">{option.hint}</span>}</span>
        </label>
      ))}
      {problem && <div class="ty-field-error">{problem}</div>}
    </fieldset>
  );
}

export function SliderField({ name, label, hint, value, onChange, min = 0, max = 1, step = 0.01, show = String }) {
  return (
    <Field {...{ name, label, hint }}>
      {(attributes) => (
        <div class="ty-slider">
          <input type="range" {...{ min, max, step, value }} onInput={(event) => onChange(Number(event.target.value))} {...attributes} />
          <output class="ty-numbers">{show(value)}</output>
        </div>
      )}
    </Field>
  );
}
