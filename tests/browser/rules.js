// What can be checked of accessibility by looking at a page: everything one can operate has a name, texts are dark enough
// (WCAG 2.2, 1.4.3: 4.5 to 1, large ones 3 to 1), ids are there once, the language is told. Answers a list of what is wrong.
() => {
  const wrong = [];
  const shown = (element) => element.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true }) && element.getClientRects().length > 0;
  const say = (element) => `${element.tagName.toLowerCase()}.${element.className.baseVal ?? element.className} “${element.textContent.trim().slice(0, 40)}”`;

  const named = (element) =>
    element.getAttribute("aria-label")?.trim() || element.getAttribute("title")?.trim() || element.textContent.trim() || element.getAttribute("alt")?.trim() ||
    [...(element.labels ?? [])].some((label) => label.textContent.trim()) || element.getAttribute("aria-labelledby") || element.closest("label")?.textContent.trim();
  for (const element of document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [role=img], dialog[open]"))
    if (shown(element) && !named(element) && !element.closest("[aria-hidden=true]")) wrong.push(`no name: ${element.outerHTML.slice(0, 120)}`);
  for (const image of document.querySelectorAll("img:not([alt])")) wrong.push(`no alt: ${image.outerHTML.slice(0, 120)}`);

  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  for (const id of new Set(ids.filter((id, place) => ids.indexOf(id) !== place))) wrong.push(`id twice: ${id}`);
  if (!document.documentElement.lang) wrong.push("no language");
  if (document.querySelectorAll("h1").length !== 1) wrong.push(`${document.querySelectorAll("h1").length} headings of the first rank`);

  const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
  const parsed = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data;
    return [red, green, blue, alpha / 255];
  };
  const over = ([r, g, b, a], under) => [r, g, b].map((part, place) => part * a + under[place] * (1 - a));
  const behind = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (style.backgroundImage !== "none") return null;
      layers.push(parsed(style.backgroundColor));
    }
    return layers.reverse().reduce((under, layer) => over(layer, under), [255, 255, 255]);
  };
  const light = (colour) => {
    const [r, g, b] = colour.map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const seen = new Set();
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || seen.has(element) || !shown(element)) continue;
    seen.add(element);
    // WCAG leaves out what cannot be operated now, and pictures
    if (element.closest(":disabled, [aria-disabled=true], .ty-disabled, svg, .xterm, canvas, script, style, noscript, option")) continue;
    const style = getComputedStyle(element);
    const ground = behind(element);
    if (!ground) continue;
    const [one, other] = [light(over(parsed(style.color), ground)), light(ground)];
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    const size = parseFloat(style.fontSize);
    const enough = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
    if (contrast < enough) wrong.push(`contrast ${contrast.toFixed(2)} of ${style.color}: ${say(element)}`);
  }
  return wrong.slice(0, 12);
}
