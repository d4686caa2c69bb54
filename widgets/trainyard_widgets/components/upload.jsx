// Uploads in chunks that go on after a pause, a lost connection or a reload of the file: each chunk carries its SHA-256.
import { useEffect, useRef, useState } from "preact/hooks";
import { Button, IconButton } from "./button.jsx";
import { bytes, duration, percent } from "./format.js";
import { Icon } from "./icons.jsx";
import { call } from "./service.js";
import { t } from "./words.js";

const CHUNK = 8 * 1024 * 1024;
const ATTEMPTS = 5;

async function hexadecimal(buffer) {
  if (!crypto.subtle) return null;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", buffer));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

const remembered = (file, purpose, name) => `trainyard-upload:${purpose}:${name}:${file.size}:${file.lastModified}`;

async function begin(file, purpose, name, group) {
  const key = remembered(file, purpose, name);
  const known = localStorage.getItem(key);
  if (known) {
    const answer = await call("GET", `/uploads/${known}`).catch(() => null);
    if (answer) return answer.json();
  }
  const answer = await call("POST", "/uploads", { body: JSON.stringify({ name, size: file.size, purpose, group: group || null }), headers: { "Content-Type": "application/json" } });
  const upload = await answer.json();
  localStorage.setItem(key, upload.id);
  return upload;
}

async function sendChunk(upload, file, signal) {
  const chunk = await file.slice(upload.offset, upload.offset + CHUNK).arrayBuffer();
  const checksum = await hexadecimal(chunk);
  const headers = { "Content-Type": "application/octet-stream", "Upload-Offset": String(upload.offset) };
  if (checksum) headers["Upload-Checksum"] = `sha256 ${checksum}`;
  const answer = await call("PATCH", `/uploads/${upload.id}`, { body: chunk, headers, signal });
  return answer.json();
}

// Sends ``file`` and answers the complete upload. ``onProgress(offset, size)`` after each chunk; ``signal`` pauses.
export async function uploadFile(file, purpose, { name = file.name, group = "", onProgress = () => {}, signal } = {}) {
  let upload = await begin(file, purpose, name, group);
  let failures = 0;
  onProgress(upload.offset, upload.size);
  while (!upload.complete) {
    try {
      upload = await sendChunk(upload, file, signal);
      failures = 0;
    } catch (error) {
      if (signal?.aborted || (error.status && error.status < 500 && error.status !== 409 && error.status !== 429) || ++failures >= ATTEMPTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, 500 * 2 ** failures));
      upload = await (await call("GET", `/uploads/${upload.id}`)).json();
    }
    onProgress(upload.offset, upload.size);
  }
  localStorage.removeItem(remembered(file, purpose, name));
  return upload;
}

// A place to choose or drop one file, with progress, pause and another try. ``onDone(upload, file)``; ``onChange(busy)``.
// ``group`` pays for the bytes.
export function Upload({ purpose, group, accept, label, hint, onDone, name, multiple = false }) {
  const [transfers, setTransfers] = useState([]);
  const [over, setOver] = useState(false);
  const input = useRef(null);
  const add = (files) => {
    const chosen = [...files].slice(0, multiple ? undefined : 1).map((file) => ({ file, id: `${file.name}-${Date.now()}-${Math.random()}` }));
    setTransfers(multiple ? [...transfers, ...chosen] : chosen);
  };
  const drop = (event) => {
    event.preventDefault();
    setOver(false);
    add(event.dataTransfer.files);
  };
  const remove = (id) => setTransfers((current) => current.filter((transfer) => transfer.id !== id));
  return (
    <div>
      <div class={`ty-drop${over ? " ty-over" : ""}`} onDragOver={(event) => (event.preventDefault(), setOver(true))} onDragLeave={() => setOver(false)} onDrop={drop}>
        <Icon name="upload" size={24} />
        <div><Button small onClick={() => input.current.click()}>{label ?? t("Choose a file")}</Button> <span class="ty-muted">{t("or drop it here")}</span></div>
        {hint && <div class="ty-field-hint">{hint}</div>}
        <input ref={input} type="file" hidden accept={accept} multiple={multiple} onChange={(event) => (add(event.target.files), (event.target.value = ""))} />
      </div>
      {transfers.map(({ file, id }) => <Transfer key={id} file={file} purpose={purpose} group={group} name={name?.(file) ?? file.name} onDone={(upload) => onDone(upload, file, () => remove(id))} onRemove={() => remove(id)} />)}
    </div>
  );
}

// One file on its way, with pause and another try.
export function Transfer({ file, purpose, group, name, onDone, onRemove }) {
  const [state, setState] = useState({ offset: 0, phase: "sending", error: null, since: Date.now(), from: 0 });
  const controller = useRef(null);
  const start = async () => {
    controller.current = new AbortController();
    setState((old) => ({ ...old, phase: "sending", error: null, since: Date.now(), from: old.offset }));
    try {
      const upload = await uploadFile(file, purpose, { name, group, signal: controller.current.signal, onProgress: (offset) => setState((old) => ({ ...old, offset })) });
      setState((old) => ({ ...old, phase: "done", offset: file.size }));
      onDone(upload);
    } catch (error) {
      setState((old) => ({ ...old, phase: controller.current.signal.aborted ? "paused" : "failed", error }));
    }
  };
  useEffect(() => {
    start();
    return () => controller.current?.abort();
  }, []);
  useEffect(() => {
    if (state.phase !== "sending") return undefined;
    const stay = (event) => event.preventDefault(); // the browser asks before it leaves, and the bytes under way with it
    addEventListener("beforeunload", stay);
    return () => removeEventListener("beforeunload", stay);
  }, [state.phase]);
  const { offset, phase, error, since, from } = state;
  const part = file.size ? offset / file.size : phase === "done" ? 1 : 0;
  const speed = (offset - from) / Math.max(1, (Date.now() - since) / 1000);
  return (
    <div class="ty-transfer">
      <div class="ty-row ty-between">
        <span class="ty-ellipsis" title={file.name}>{file.name}</span>
        <span class="ty-row">
          {phase === "sending" && <IconButton icon="pause" label={t("Pause")} onClick={() => controller.current.abort()} />}
          {(phase === "paused" || phase === "failed") && <Button small icon="play" onClick={start}>{phase === "paused" ? t("Go on") : t("Try again")}</Button>}
          {phase !== "done" && <IconButton icon="cross" label={t("Remove")} onClick={() => (controller.current?.abort(), onRemove())} />}
          {phase === "done" && <span class="ty-good"><Icon name="check" /></span>}
        </span>
      </div>
      <div class="ty-bar" role="progressbar" aria-label={file.name} aria-valuenow={Math.round(part * 100)} aria-valuemin="0" aria-valuemax="100"><div style={{ width: `${part * 100}%` }} /></div>
      <div class="ty-progress-text ty-numbers">
        <span>{percent(part)} · {bytes(offset)} / {bytes(file.size)}</span>
        {phase === "sending" && speed > 0 && <span>{t("{time} left", { time: duration((file.size - offset) / speed) })}</span>}
        {phase === "paused" && <span>{t("paused")}</span>}
        {phase === "failed" && <span class="ty-bad" role="alert">{[error?.message, error?.hint].filter(Boolean).join(" ")}</span>}
      </div>
    </div>
  );
}
