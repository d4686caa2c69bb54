// A field of the wizard: it answers at once and tells the address when the typing pauses.
import { useEffect, useRef, useState } from "preact/hooks";

const PAUSE = 200; // milliseconds

export function Typed({ Field, value, onChange, ...rest }) {
  const [text, setText] = useState(value);
  const typing = useRef(0);
  const within = useRef(false);
  const latest = useRef({});
  latest.current = { value, onChange };
  // While somebody is in the field it is theirs: an answer that comes late says what stood there a moment ago.
  useEffect(() => {
    if (!within.current && !typing.current) setText(value);
  }, [value]);
  useEffect(() => () => clearTimeout(typing.current), []);
  const tell = (typed) => {
    clearTimeout(typing.current);
    typing.current = 0;
    if (typed !== latest.current.value) latest.current.onChange(typed);
  };
  const type = (typed) => {
    within.current = true;
    setText(typed);
    clearTimeout(typing.current);
    typing.current = setTimeout(() => tell(typed), PAUSE);
  };
  // Whoever leaves the field for a button means what stands there.
  const leave = () => {
    within.current = false;
    if (typing.current) tell(text);
    else setText(latest.current.value);
  };
  return <Field value={text} onChange={type} onBlur={leave} onFocus={() => void (within.current = true)} {...rest} />;
}
