// What the audit log keeps as identifiers, in the reader's words: actions, results, and the details noted with an entry.
import { bytes, N_, number, percent, t } from "../index.js";

export const ACTIONS = {
  "accounts.approve": N_("approve an account"),
  "accounts.refuse": N_("refuse an application"),
  "accounts.block": N_("block an account"),
  "accounts.unblock": N_("unblock an account"),
  "accounts.set_administrator": N_("change who is an administrator"),
  "accounts.set_password": N_("set somebody's password"),
  "accounts.bootstrap": N_("make the first administrator"),
  "deletion.delete": N_("delete an account"),
  "internal.login": N_("sign in"),
  "internal.applications": N_("apply for an account"),
  "me.change_me": N_("change one's own settings"),
  "me.change_password": N_("change one's own password"),
  "me.make_token": N_("make an access token"),
  "me.revoke_token": N_("revoke an access token"),
  "groups.make_group": N_("make a group"),
  "groups.set_quota": N_("change a quota"),
  "groups.set_default_quota": N_("change the quota of new groups"),
  "groups.put_member": N_("add or change a member"),
  "groups.remove_member": N_("remove a member"),
  "storage.bind": N_("connect a bucket"),
  "storage.rename": N_("rename in the bucket"),
  "storage.delete": N_("delete from the bucket"),
  "uploads.begin": N_("begin an upload"),
  "uploads.remove": N_("give up an upload"),
  "datasets.make_dataset": N_("make a dataset"),
  "datasets.change_dataset": N_("rename or describe a dataset"),
  "datasets.copy_dataset": N_("copy a dataset"),
  "datasets.delete_dataset": N_("delete a dataset"),
  "datasets.share_dataset": N_("share a dataset"),
  "datasets.unshare_dataset": N_("stop sharing a dataset"),
  "datasets.publish_dataset": N_("share a dataset with everybody"),
  "datasets.unpublish_dataset": N_("take a dataset back from everybody"),
  "formatted.make_batch": N_("format a dataset"),
  "formatted.cancel_batch": N_("cancel formatting"),
  "formatted.resume_batch": N_("resume formatting"),
  "formatted.delete_batch": N_("delete a batch"),
  "formatted.delete_set": N_("delete a formatted set"),
  "trainings.make_training": N_("submit a training"),
  "trainings.stop_training": N_("stop a training"),
  "trainings.start_training": N_("start a training again"),
  "trainings.delete_training": N_("delete a training"),
  "trainings.open_tensorboard": N_("open TensorBoard"),
  "trainings.make_instance": N_("script begins to report"),
  "trainings.change_instance": N_("script goes on or ends"),
  "trainings.make_snapshot": N_("script keeps a snapshot"),
  "jobs.stop_job": N_("stop a job"),
  "jobs.console": N_("open a terminal in a job"),
  "models.make_model": N_("upload a model"),
  "models.delete_model": N_("delete a model"),
  "workspaces.start_workspace": N_("start the workspace"),
  "workspaces.stop_workspace": N_("stop the workspace"),
  "workspaces.renew_workspace": N_("renew the workspace's time"),
  "workspaces.launch": N_("launch a workspace"),
  "workspaces.ended": N_("note the end of a workspace"),
  "disk.measure_now": N_("measure the disk"),
  "volume.orphans": N_("tidy up files of nobody"),
};

const RESULTS = {
  "account-blocked": N_("account is blocked"),
  "account-state": N_("not in this state of the account"),
  "account-waiting": N_("account waits for approval"),
  "administrators-only": N_("for administrators only"),
  "application-refused": N_("application was refused"),
  "batch-not-stopped": N_("formatting was not stopped"),
  "batch-under-way": N_("formatting is under way"),
  "bucket-name": N_("bucket name not allowed"),
  "cross-site": N_("came from another site"),
  "dataset-in-use": N_("dataset is in use"),
  "dataset-not-ready": N_("dataset is not ready"),
  "endpoint-private": N_("address not allowed"),
  "entry-missing": N_("script not found"),
  "entry-not-executable": N_("script not executable"),
  "group-exists": N_("group exists already"),
  "hub-away": N_("Hub did not answer"),
  "hub-silent": N_("Hub did not answer"),
  "image-not-ready": N_("image is not ready"),
  "internal-failure": N_("failed on our side"),
  invalid: N_("not valid"),
  "last-administrator": N_("last administrator"),
  "list-missing": N_("list not found"),
  "name-taken": N_("name is taken"),
  "no-group": N_("in no group"),
  "no-storage": N_("no bucket connected"),
  "no-such-account": N_("no such account"),
  "no-such-bucket": N_("no such bucket"),
  "no-such-dataset": N_("no such dataset"),
  "no-such-group": N_("no such group"),
  "no-such-training": N_("no such training"),
  "no-such-upload": N_("no such upload"),
  "no-workspace": N_("no workspace"),
  "not-owner": N_("not the owner"),
  "not-running": N_("not running"),
  "not-signed-in": N_("not signed in"),
  "object-exists": N_("name is taken"),
  "password-guessable": N_("password too easy to guess"),
  "password-length": N_("password too short or too long"),
  "password-name": N_("password contains the name"),
  "password-wrong": N_("wrong password"),
  "restricted-token": N_("not with a workspace's token"),
  "set-in-use": N_("formatted set is in use"),
  "storage-bound": N_("a bucket is connected already"),
  "store-failed": N_("store refused"),
  "store-silent": N_("store did not answer"),
  "too-many-attempts": N_("too many attempts"),
  "too-many-tensorboards": N_("too many TensorBoards"),
  "training-exists": N_("name is taken"),
  "training-not-ended": N_("training has not ended"),
  "training-under-way": N_("training is under way"),
  "volume-full": N_("disk is full"),
  "workspace-exists": N_("workspace runs already"),
  "workspace-refused": N_("refused by the Hub"),
  "wrong-password": N_("wrong name or password"),
};

const DETAILS = {
  address: N_("Address"), administrator: N_("Administrator"), after: N_("After"), bad_limit: N_("Allowed bad pictures"), becomes: N_("Called now"), before: N_("Before"),
  bucket: N_("Bucket"), copy: N_("Name of the copy"), cpu: N_("Processor cores"), datasets_removed: N_("Datasets deleted"), days: N_("Days"), description: N_("Description"), disk: N_("Disk"),
  endpoint: N_("Endpoint"), formats: N_("Formats"), gpu: N_("GPUs"), group: N_("Group"), image: N_("Image"), jobs: N_("Jobs"), label_set: N_("Label set"), memory: N_("Memory"),
  models_removed: N_("Models deleted"), name: N_("Name"), orphans: N_("Files"), package: N_("Package"), purpose: N_("Purpose"), quality: N_("JPEG quality"), quota: N_("Quota"),
  reason: N_("Reason"), resize: N_("Size"), seed: N_("Seed"), sets: N_("Formatted sets"), shuffle: N_("Shuffled"), size: N_("Size"), test: N_("Test part"), to: N_("To"),
  train: N_("Training part"), val: N_("Validation part"),
};
const PURPOSES = { list: N_("list of a dataset"), pictures: N_("pictures of a dataset"), model: N_("model"), object: N_("file for the bucket") };
const SIZES = new Set(["memory", "disk", "size", "bytes"]);
const PARTS = new Set(["train", "val", "test", "bad_limit"]);

export const actionWords = (action) => (ACTIONS[action] ? t(ACTIONS[action]) : action);

// A refusal this page has no words for is still told as one; its code is in the tooltip.
export const resultWords = (result) => (RESULTS[result] ? t(RESULTS[result]) : t("refused"));

// What was noted with an entry: empty values say nothing, sizes are read in units, parts in per cent.
export function detailWords(detail) {
  const told = Object.entries(detail ?? {}).filter(([, value]) => value !== null && value !== "" && !(Array.isArray(value) && !value.length));
  return told.map(([key, value]) => t("{word}: {value}", { word: DETAILS[key] ? t(DETAILS[key]) : key.replaceAll("_", " "), value: said(key, value) })).join(" · ");
}

function said(key, value) {
  if (Array.isArray(value)) return value.join(", ");
  if (typeof value === "object") return detailWords(value);
  if (typeof value === "boolean") return value ? t("yes") : t("no");
  if (typeof value === "number") return SIZES.has(key) ? bytes(value) : PARTS.has(key) ? percent(value, 1) : number(value, 1);
  return key === "purpose" && PURPOSES[value] ? t(PURPOSES[value]) : String(value);
}
