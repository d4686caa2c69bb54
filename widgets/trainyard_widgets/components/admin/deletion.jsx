// Deleting an account: says what goes and what stays before it is done.
import { useState } from "preact/hooks";
import { Button, bytes, Dialog, Facts, failed, Note, t, TextField, toast } from "../index.js";

export function DeleteAccount({ account, send, onDeleted }) {
  const [told, setTold] = useState(null);
  const ask = async () => setTold(await send("deletion", { account: account.id }));
  return (
    <>
      <Button kind="danger" icon="trash" onClick={ask}>{t("Delete account")}</Button>
      {told && <Question told={told} account={account} send={send} onClose={() => setTold(null)} onDeleted={onDeleted} />}
    </>
  );
}

const list = (names) => names.slice(0, 12).join(", ") + (names.length > 12 ? ` … (${names.length})` : "");

function Question({ told, account, send, onClose, onDeleted }) {
  const [typed, setTyped] = useState("");
  const remove = async () => {
    try {
      await send("delete_account", { account: account.id });
    } catch (error) {
      return failed(error);
    }
    toast(t("The account {name} is deleted.", { name: told.name }));
    onDeleted();
  };
  const kept = [
    told.datasets_kept.length && t("datasets: {names}", { names: list(told.datasets_kept) }),
    told.trainings_kept && t("{count} trainings", { count: told.trainings_kept }),
    told.models_kept && t("{count} models", { count: told.models_kept }),
    told.groups.length && t("folders on the shares of {groups}", { groups: told.groups.join(", ") }),
    told.bucket && t("the bucket {bucket} with its objects, without the binding", { bucket: told.bucket }),
  ].filter(Boolean);
  const gone = [
    told.home > 0 ? t("the private home ({size})", { size: bytes(told.home) }) : t("the private home"),
    told.datasets_removed.length && t("datasets nobody else uses: {names}", { names: list(told.datasets_removed) }),
    told.models_removed.length && t("models of no group: {names}", { names: list(told.models_removed) }),
    t("sessions, access tokens, notices and memberships"),
  ].filter(Boolean);
  return (
    <Dialog title={t("Delete the account {name}?", { name: told.name })} wide onClose={onClose} footer={<><Button onClick={onClose}>{t("Cancel")}</Button><Button kind="danger" onClick={remove} disabled={typed.trim() !== told.name}>{t("Delete account")}</Button></>}>
      <div class="ty-stack-small">
        <Facts rows={[
          [t("Stops at once"), told.running.length ? list(told.running) : t("nothing runs")],
          [t("Is removed"), <ul class="ty-list">{gone.map((one) => <li key={one}>{one}</li>)}</ul>],
          [t("Stays as {name}", { name: told.becomes }), kept.length ? <ul class="ty-list">{kept.map((one) => <li key={one}>{one}</li>)}</ul> : t("only the audit log")],
        ]} />
        <Note kind="warn">{told.kept_days > 0 ? t("This cannot be taken back on a page. Removed files wait {days} days in a closed folder of the platform before they are deleted for good.", { days: told.kept_days }) : t("This cannot be taken back; removed files are deleted for good.")}</Note>
        <TextField name="typed" label={t("Type {name} to confirm", { name: told.name })} value={typed} onChange={setTyped} autocomplete="off" />
      </div>
    </Dialog>
  );
}
