// The browser's own calls to the service, for bytes only: uploads, downloads, pictures. Same origin, cookie and XSRF token.
import { currentLanguage, t } from "./words.js";

export const SERVICE = "/services/trainyard/";
export const api = (path) => `${SERVICE}api/v1${path}`;

let session = null;

function cookie(name) {
  const found = document.cookie.split("; ").find((part) => part.startsWith(`${name}=`));
  return found ? decodeURIComponent(found.slice(name.length + 1)) : "";
}

// The service has a cookie of its own; a visit to its sign-in sets it without a question, as the Hub already knows the viewer.
export function ensureSession() {
  session ??= (async () => {
    const answer = await fetch(api("/me"), { headers: { Accept: "application/json" } });
    if (answer.status !== 401) return;
    await fetch(`${SERVICE}login?next=${encodeURIComponent(api("/me"))}`, { redirect: "follow" });
  })().catch((error) => {
    session = null;
    throw error;
  });
  return session;
}

// One call; answers the Response, throws {code, message, hint, field} like ``send`` does.
export async function call(method, path, { headers = {}, body, signal } = {}) {
  await ensureSession();
  const answer = await fetch(api(path), {
    method,
    body,
    signal,
    headers: { "X-XSRFToken": cookie("trainyard-xsrf"), "Accept-Language": currentLanguage(), ...headers },
  });
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => null);
  if (answer.status === 401) {
    session = null;
    if (told?.error) told.error.hint = t("Load the page again and sign in.");
  }
  throw Object.assign({ status: answer.status }, told?.error ?? { code: "service-error", message: t("The platform answered with an error ({status}).", { status: answer.status }), hint: "" });
}

// A file that is made while one waits: the promise settles when it is there, and throws what was refused.
export async function save(path, name) {
  const made = URL.createObjectURL(await (await call("GET", path)).blob());
  const link = document.createElement("a");
  link.href = made;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(made), 60_000);
}

// Starts a download the browser saves itself.
export async function download(path) {
  await ensureSession();
  const link = document.createElement("a");
  link.href = api(path);
  link.download = "";
  link.click();
}
