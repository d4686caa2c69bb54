// Launcher tiles for Trainyard's pages.
//
// JupyterLab loads an extension as a module-federation container: an object with init(shareScope) and get(module). The container
// is written by hand here, because one plain file needs no bundler on any machine; everything it uses comes from the share scope.
(() => {
  const PAGES = [
    { page: "datasets", en: "Datasets", zh: "数据集", path: "M4 6c0-3 16-3 16 0v12c0 3-16 3-16 0zM4 6c0 3 16 3 16 0M4 12c0 3 16 3 16 0" },
    { page: "trainings", en: "Training", zh: "训练", path: "M3 20h18M4 16l5-6 4 4 7-9" },
    { page: "models", en: "Models", zh: "模型", path: "M12 3l8 4.5v9L12 21l-8-4.5v-9zM12 12l8-4.5M12 12v9M12 12L4 7.5" },
    { page: "storage", en: "Storage", zh: "存储", path: "M3 7h7l2 3h9v9H3z" },
    // jupyter-server-proxy starts it; its own tile would have no picture
    { page: "tensorboard", en: "TensorBoard", inside: true, path: "M4 4v16h16M8 16v-3M12 16V8M16 16v-5M20 16V6" },
  ];

  const chosen = /(?:^|;\s*)trainyard_language=(\w+)/.exec(document.cookie);
  const language = chosen ? chosen[1] : navigator.language.startsWith("zh") ? "zh" : "en";

  let shared;
  const load = async (name) => {
    const versions = shared[name];
    const factory = await versions[Object.keys(versions)[0]].get();
    return factory();
  };

  const icon = (LabIcon, { page, path }) =>
    new LabIcon({
      name: `trainyard:${page}`,
      svgstr:
        `<svg xmlns="http://www.w3.org/2000/svg" width="24" viewBox="0 0 24 24" fill="none" stroke="#2456d6" ` +
        `stroke-width="1.8" stroke-linejoin="round" stroke-linecap="round"><path d="${path}"/></svg>`,
    });

  const addTiles = (app, launcher, LabIcon, here) =>
    PAGES.forEach((tile, rank) => {
      const command = `trainyard:open-${tile.page}`;
      app.commands.addCommand(command, {
        label: tile[language] ?? tile.en,
        icon: icon(LabIcon, tile),
        execute: () => window.open(tile.inside ? `${here}${tile.page}/` : `/services/pages/${tile.page}`, `trainyard-${tile.page}`, "noopener"),
      });
      launcher.add({ command, category: "Trainyard", rank });
    });

  const plugins = async () => {
    const { ILauncher } = await load("@jupyterlab/launcher");
    const { LabIcon } = await load("@jupyterlab/ui-components");
    const { PageConfig } = await load("@jupyterlab/coreutils");
    return {
      __esModule: true,
      default: {
        id: "@trainyard/launcher:tiles",
        description: "Launcher tiles that open Trainyard's pages.",
        autoStart: true,
        requires: [ILauncher],
        activate: (app, launcher) => addTiles(app, launcher, LabIcon, PageConfig.getBaseUrl()),
      },
    };
  };

  (window._JUPYTERLAB ??= {})["@trainyard/launcher"] = {
    init: (scope) => {
      shared = scope;
    },
    get: async () => {
      const module = await plugins();
      return () => module;
    },
  };
})();
