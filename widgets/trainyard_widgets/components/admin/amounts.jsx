// Amounts that an administrator writes: cores, memory in GiB, GPUs; and the form they stand in.
import { useState } from "preact/hooks";
import { Dialog, Form, SelectField, t, TextField, toast } from "../index.js";

export const GIB = 2 ** 30;
export const amountNames = () => [["cpu", t("Processor cores")], ["memory", t("Memory in GiB")], ["gpu", t("GPUs")]];
export const gib = (value) => String(Math.round((value / GIB) * 100) / 100);
export const textsOf = ({ cpu, memory, gpu }) => ({ cpu: String(cpu), memory: gib(memory), gpu: String(gpu) });

// The number a person wrote; an empty field is ``empty``.
export function numberFrom(texts, field, empty = null) {
  const text = (texts[field] ?? "").trim().replace(",", ".");
  if (!text) return empty;
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0) throw { field, message: t("“{text}” is not a number of zero or more.", { text }) };
  return value;
}

// ``needed``: these must be more than nothing.
export function amountsFrom(texts, needed = []) {
  for (const field of needed) if (!(numberFrom(texts, field, 0) > 0)) throw { field, message: t("This must be more than {gt}.", { gt: 0 }) };
  return { cpu: numberFrom(texts, "cpu", 0), memory: Math.round(numberFrom(texts, "memory", 0) * GIB), gpu: numberFrom(texts, "gpu", 0) };
}

// ``names``: [[name, label, placeholder?, fixed?], …]; ``more(texts, change)`` draws what is no plain field. What ``save``
// answers is a warning, if anything.
export function AmountDialog({ title, text, names, begin, save, onClose, more }) {
  const [texts, setTexts] = useState(begin);
  const change = (part) => setTexts((old) => ({ ...old, ...part }));
  const submit = async () => {
    const warning = await save(texts);
    toast(t("Saved."), warning ? { kind: "bad", hint: warning } : {});
    onClose();
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <Form onSubmit={submit} submit={t("Save")} cancel={onClose}>
        {text && <p class="ty-muted">{text}</p>}
        <div class="ty-fields">{names.map(([name, label, placeholder, fixed]) => <TextField key={name} name={name} label={label} placeholder={placeholder ?? ""} disabled={Boolean(fixed)} autocomplete="off" value={texts[name] ?? ""} onChange={(value) => change({ [name]: value })} />)}</div>
        {more?.(texts, change)}
      </Form>
    </Dialog>
  );
}

// A field for the type of the GPUs: one that the machine has told, if any.
export function DeviceTypeField({ name, types, texts, change }) {
  const known = types.map((one) => one.name).filter(Boolean);
  if (!known.length) return null;
  return <SelectField name={name} label={t("GPU type")} value={texts[name] ?? ""} onChange={(value) => change({ [name]: value })} options={[{ value: "", label: t("any") }, ...known.map((value) => ({ value, label: value }))]} />;
}
