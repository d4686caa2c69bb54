// For programs that only print: which patterns make curves of their output.
import { TextArea } from "../form.jsx";
import { Button } from "../button.jsx";
import { t } from "../words.js";
import { Typed } from "./typed.jsx";

export function PatternFields({ draft, patterns, type, problem }) {
  const lines = draft.log_patterns.split("\n").map((line) => line.trim()).filter(Boolean);
  const add = (name) => type("log_patterns")([...lines, name].join("\n"));
  return (
    <div>
      <Typed Field={TextArea} name="log_patterns" label={t("Curves from its output")} optional rows={2} class="ty-input ty-mono" spellcheck={false} placeholder="loss/train=average loss: (?P<value>\S+)" value={draft.log_patterns} onChange={type("log_patterns")} error={problem("log_patterns")} hint={t("For a program that prints its numbers and does not report them. One pattern a line: a name, or TAG=EXPRESSION.")} />
      <div class="ty-row ty-pattern-names">
        {patterns.map((name) => <Button key={name} small icon="plus" disabled={lines.includes(name)} onClick={() => add(name)}>{name}</Button>)}
      </div>
    </div>
  );
}
