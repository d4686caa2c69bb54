// A terminal inside a running training.
import { definePage, LinkButton, PageHeader, Skeleton, StateBadge, t } from "./components/index.js";
import { isLive, stateOf } from "./components/training_parts.jsx";
import { JobTerminal } from "./components/terminal.jsx";
import { adoptDataStyle } from "./components/style.js";

function Console({ view }) {
  if (!view) return <><PageHeader title={t("Console")} /><Skeleton rows={10} height={28} /></>;
  const { training } = view;
  return (
    <>
      <p class="ty-crumb"><a href="trainings">{t("Training")}</a> / <a href={`monitor?id=${training.id}`}>{training.name}</a></p>
      <PageHeader tab={t("Console of {name}", { name: training.name })} title={<span class="ty-row">{t("Console of {name}", { name: training.name })}<StateBadge state={stateOf(training)} /></span>} text={t("You are inside the running training: same files, same sets, same resources. Another instance started here shows its own curves.")}>
        <LinkButton icon="chart" href={`monitor?id=${training.id}`}>{t("Watch")}</LinkButton>
      </PageHeader>
      <JobTerminal job={training.job} running={training.state === "running"} key={`${training.job}-${view.attempt}`} />
    </>
  );
}

adoptDataStyle();

export default definePage(Console);
