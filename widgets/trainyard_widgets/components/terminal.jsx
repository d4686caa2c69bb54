// A terminal over the service's websocket: binary frames are its bytes, text frames its size.
import { FitAddon } from "@xterm/addon-fit";
import { Terminal } from "@xterm/xterm";
import terminalStyle from "@xterm/xterm/css/xterm.css";
import { useEffect, useRef, useState } from "preact/hooks";
import { Button } from "./button.jsx";
import { api, ensureSession } from "./service.js";
import { Note } from "./states.jsx";
import { adopt } from "./style.js";
import { t } from "./words.js";

adopt(terminalStyle);

const THEME = { background: "#131a26", foreground: "#dfe4ec", cursor: "#9cb6f5", selectionBackground: "#2f4a86" };

// ``job``: whose sandbox is entered. ``running``: without it there is nothing to connect to.
export function JobTerminal({ job, running }) {
  const place = useRef(null);
  const [state, setState] = useState({ phase: "connecting", reason: "" });
  const [attempt, setAttempt] = useState(0);

  useEffect(() => {
    if (!running) return undefined;
    const terminal = new Terminal({ theme: THEME, fontFamily: '"JetBrains Mono", "DejaVu Sans Mono", "Noto Sans Mono CJK SC", monospace', fontSize: 14, cursorBlink: true, scrollback: 10000, screenReaderMode: true });
    const fit = new FitAddon();
    terminal.loadAddon(fit);
    terminal.open(place.current);
    fit.fit();
    let socket = null;
    let ended = false;
    setState({ phase: "connecting", reason: "" });
    ensureSession().then(
      () => !ended && (socket = open(job, terminal, setState, () => ended)),
      () => !ended && setState({ phase: "closed", reason: t("The platform does not answer right now.") }),
    );
    const observer = new ResizeObserver(() => fit.fit());
    observer.observe(place.current);
    const encoder = new TextEncoder();
    const typed = terminal.onData((text) => socket?.readyState === WebSocket.OPEN && socket.send(encoder.encode(text)));
    const sized = terminal.onResize(({ cols, rows }) => socket?.readyState === WebSocket.OPEN && socket.send(JSON.stringify({ resize: [cols, rows] })));
    terminal.focus();
    return () => {
      ended = true;
      observer.disconnect();
      typed.dispose();
      sized.dispose();
      socket?.close();
      terminal.dispose();
    };
  }, [job, running, attempt]);

  return (
    <div class="ty-console">
      <div class="ty-console-state" aria-live="polite">
        {!running && <Note kind="warn">{t("The training does not run, so there is nothing to enter. Start it again first.")}</Note>}
        {running && state.phase === "connecting" && <span class="ty-muted">{t("Connecting …")}</span>}
        {running && state.phase === "open" && <span class="ty-good">{t("Connected. Files outside /workspace/mnt are gone when the training ends.")}</span>}
        {running && state.phase === "closed" && (
          <Note kind="warn" title={t("The connection has ended.")}>
            <div class="ty-row ty-between"><span>{state.reason || t("The shell was left, or the training ended.")}</span><Button small icon="refresh" onClick={() => setAttempt(attempt + 1)}>{t("Connect again")}</Button></div>
          </Note>
        )}
      </div>
      <div class="ty-console-box" ref={place} aria-label={t("Terminal")} />
    </div>
  );
}

function open(job, terminal, setState, ended) {
  const address = new URL(api(`/jobs/${job}/console?columns=${terminal.cols}&rows=${terminal.rows}`), location.href);
  address.protocol = address.protocol.replace("http", "ws");
  const socket = new WebSocket(address);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => setState({ phase: "open", reason: "" });
  socket.onmessage = (event) => typeof event.data !== "string" && terminal.write(new Uint8Array(event.data));
  socket.onclose = (event) => !ended() && setState({ phase: "closed", reason: event.reason });
  return socket;
}
