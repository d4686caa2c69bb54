// A widget's model as anywidget defines it (get, set, save_changes, on, off, send), over a websocket that carries one widget only.
const GONE = 4404;
const PATIENCE = [300, 700, 1500, 3000, 5000];
const QUIET = 8000; // at least so long between two loads, in milliseconds
const BEAT = 10000; // between two questions whether the service answers, in milliseconds
const SILENCE = 6000; // without an answer for so long it hangs, in milliseconds
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export class HostModel {
  constructor({ socket, query, language, person }) {
    this.hosted = true;
    this.address = socket;
    this.state = { query: query ?? {}, language, person: person ?? {} };
    this.changed = new Set();
    this.listeners = new Map();
    this.waiting = [];
    this.failures = 0;
    this.silent = false;
    this.connect();
    this.listen();
  }

  get(name) {
    return this.state[name];
  }

  set(name, value) {
    this.state[name] = value;
    this.changed.add(name);
    this.emit(`change:${name}`, value);
  }

  save_changes() {
    const state = Object.fromEntries([...this.changed].map((name) => [name, this.state[name]]));
    this.changed.clear();
    this.write({ method: "update", state, buffer_paths: [] });
  }

  send(content) {
    this.write({ method: "custom", content });
  }

  on(event, listener) {
    if (!this.listeners.has(event)) this.listeners.set(event, new Set());
    this.listeners.get(event).add(listener);
  }

  off(event, listener) {
    this.listeners.get(event)?.delete(listener);
  }

  emit(event, ...values) {
    for (const listener of [...(this.listeners.get(event) ?? [])]) listener(...values);
  }

  connect() {
    const address = new URL(this.address, location.href);
    address.protocol = address.protocol.replace("http", "ws");
    this.socket = new WebSocket(address);
    this.socket.onopen = () => this.opened();
    this.socket.onmessage = (event) => this.received(JSON.parse(event.data));
    this.socket.onclose = (event) => this.closed(event);
  }

  opened() {
    this.failures = 0;
    this.socket.send(JSON.stringify({ method: "custom", content: { hello: true } }));
    this.write({ method: "update", state: { query: this.state.query }, buffer_paths: [] }); // what was said last may have been lost
    for (const message of this.waiting.splice(0)) this.socket.send(message);
    this.emit("connection", true);
  }

  closed(event) {
    this.emit("connection", false);
    if (event.code === GONE || this.failures >= PATIENCE.length) return this.reload();
    setTimeout(() => this.connect(), PATIENCE[this.failures++]);
  }

  // The kernel ended (after a pause, a restart of the service, signing out): the address holds all state, so a fresh page goes on.
  // It waits until the service has a kernel again: a page loaded before would be an error nobody comes back from.
  async reload() {
    this.emit("lost");
    const last = Number(sessionStorage.getItem("trainyard-reloaded") ?? 0);
    await pause(Math.max(0, last + QUIET - Date.now()));
    while (!(await this.serviceIsWell())) await pause(1500);
    sessionStorage.setItem("trainyard-reloaded", String(Date.now()));
    location.reload();
  }

  async serviceIsWell() {
    return this.ask().then((answer) => answer.ok, () => false);
  }

  // A service that hangs keeps its sockets open: only a question that stays without an answer tells.
  async listen() {
    for (;;) {
      await pause(this.silent ? 1000 : BEAT);
      const open = this.socket.readyState === WebSocket.OPEN;
      if (document.hidden || (!open && !this.silent)) continue;
      const silent = open && !(await this.ask().then(() => true, () => false));
      if (silent === this.silent) continue;
      this.silent = silent;
      if (this.socket.readyState === WebSocket.OPEN) this.emit("silent", silent);
    }
  }

  ask() {
    const health = new URL("../health", new URL(this.address, location.href));
    return fetch(health, { cache: "no-store", signal: AbortSignal.timeout(SILENCE) });
  }

  write(message) {
    const text = JSON.stringify(message);
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(text);
    else this.waiting.push(text);
  }

  received(data) {
    if (data.method === "update") this.update(data.state);
    else if (data.method === "custom" && data.content?.state) this.update(data.content.state);
    else if (data.method === "custom") this.emit("msg:custom", data.content);
  }

  // The address is the browser's own: what the service knew of it before a lost connection is older.
  update({ query: _, ...state }) {
    const fresh = Object.entries(state).filter(([name]) => !this.changed.has(name));
    for (const [name, value] of fresh) this.state[name] = value;
    for (const [name, value] of fresh) this.emit(`change:${name}`, value);
  }
}
