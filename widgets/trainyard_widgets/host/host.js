// Shows one page outside JupyterLab: loads its bundle and joins it with its kernel over the pages service's websocket.
import { HostModel } from "./model.js";

const config = JSON.parse(document.getElementById("ty-page").textContent);
const model = new HostModel(config);
document.documentElement.classList.add("ty-scripted");
// on a phone the navigation is wider than the window
const bringHere = () => document.querySelector(".ty-nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
bringHere();
addEventListener("resize", bringHere);

const { default: page } = await import(config.bundle);
page.render({ model, el: document.getElementById("ty-root") });
performance.mark("trainyard-drawn");
