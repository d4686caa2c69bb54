// The way to our other pages: in JupyterLab, which has an address of its own, they open beside the notebook.
const PAGES = "/services/pages/";

const inNotebook = () => document.getElementById("jupyter-config-data") !== null;
const beside = (address) => new URL(address, new URL(PAGES, location.href)).href;

export function visit(address) {
  if (inNotebook()) open(beside(address), "_blank");
  else location.assign(address);
}

// Links are written as our pages have them, and led right when they are followed.
export function leadLinks(element) {
  const lead = (event) => {
    const link = inNotebook() && event.target.closest?.("a[href]");
    if (!link || /^([a-z]+:|[/#])/i.test(link.getAttribute("href"))) return;
    link.href = beside(link.getAttribute("href"));
    link.target = "_blank";
  };
  for (const event of ["click", "auxclick"]) element.addEventListener(event, lead, true);
}
