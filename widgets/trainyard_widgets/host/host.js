// Shows one page outside JupyterLab: loads its bundle and joins it with its kernel over the pages service's websocket.
import { HostModel } from "./model.js";

const config = JSON.parse(document.getElementById("ty-page").textContent);
const model = new HostModel(config);
document.documentElement.classList.add("ty-scripted");
// on a phone the navigation is wider than the window
const bringHere = () => document.querySelector(".ty-nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
bringHere();
addEventListener("resize", bringHere);

// the account's menu closes as every other does
const account = document.querySelector(".ty-account");
addEventListener("pointerdown", (event) => account.contains(event.target) || (account.open = false));
addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !account.open) return;
  account.open = false;
  account.querySelector("summary").focus();
});

const LOST = "trainyard-lost";

// A script that was lost on the way comes with a fresh page as soon as the service is well; after some times it is not that.
function lost(error) {
  const times = Number(sessionStorage.getItem(LOST));
  if (times >= 3) throw error;
  sessionStorage.setItem(LOST, times + 1);
  model.reload();
}

const page = await import(config.bundle).then((bundle) => bundle.default, lost);
if (page) {
  sessionStorage.removeItem(LOST);
  page.render({ model, el: document.getElementById("ty-root") });
  performance.mark("trainyard-drawn");
}
