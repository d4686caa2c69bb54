// The output of a training; of a distributed one that of each process, chosen by its name, or of all of them as one.
import { useState } from "preact/hooks";
import { LogView } from "./log.jsx";
import { MergedLog } from "./log_merged.jsx";
import { Tabs } from "./tabs.jsx";
import { t } from "./words.js";
import { isLive } from "./training_parts.jsx";

const ALL = "all";

// ``onOutput``: called whenever something was written.
export function ReplicaLog({ training, onOutput }) {
  const names = training.replicas ?? [];
  const several = names.length > 1;
  // What is read does not change by itself when one of them dies.
  const [replica, setChosen] = useState(training.ending?.replica || (several ? ALL : names[0]) || "");
  const tabs = [{ id: ALL, label: t("All as one") }, ...names.map((name) => ({ id: name, label: name }))];
  return (
    <>
      {several && <Tabs label={t("Output of which process")} tabs={tabs} chosen={replica} onChoose={setChosen} />}
      {replica === ALL
        ? <MergedLog job={training.job} replicas={names} running={isLive(training)} onOutput={onOutput} key={training.job} />
        : <LogView job={training.job} replica={replica} running={isLive(training)} onOutput={onOutput} key={`${training.job}-${replica}`} />}
    </>
  );
}
