// The menu item by which administrators share a dataset with everybody, or take it back; nobody else has it.
import { confirm } from "./dialog.jsx";
import { toast } from "./toast.jsx";
import { t } from "./words.js";

// Items for ``Menu``: one for an administrator, none for others.
export function publishItems({ dataset, administrator, send }) {
  if (!administrator) return [];
  const name = dataset.name;
  const act = (action, done) => async () => {
    await send(action, { dataset: dataset.id });
    toast(done);
  };
  const publish = () => confirm({
    title: t("Share {name} with everybody?", { name }), text: t("Everybody on this platform can then look at it, format it and train on it. It can be taken back."),
    button: t("Share with everybody"), danger: false, act: act("publish", t("Everybody can use {name} now.", { name })),
  });
  const unpublish = () => confirm({
    title: t("Take {name} back from everybody?", { name }), text: t("Its owner and the groups it is shared with keep it; what others made of it stays theirs."),
    button: t("Take back"), act: act("unpublish", t("{name} is no longer public.", { name })),
  });
  const open = dataset.shares.some((share) => share.group === null);
  return [open
    ? { label: t("Take back from everybody"), icon: "people", onChoose: unpublish }
    : { label: t("Share with everybody"), icon: "people", refused: dataset.refused.copy, onChoose: publish }];
}
