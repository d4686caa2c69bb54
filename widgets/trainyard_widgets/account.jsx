// Settings: who one is, the language, the password, and tokens for the command line and scripts.
import { useState } from "preact/hooks";
import {
  Button, bytes, Card, ChoiceField, confirm, CopyButton, definePage, Dialog, EmptyState, Facts, failed, Form, Meter, Note, PageHeader, SelectField, Skeleton, t, Table, Tabs, Tag, TextField, Time, toast,
} from "./components/index.js";
import { partsText } from "./components/disk_parts.js";

function Account({ view, query, setQuery, send }) {
  const tab = query.tab ?? "general";
  const tabs = [{ id: "general", label: t("General") }, { id: "disk", label: t("Disk space") }, { id: "password", label: t("Password") }, { id: "tokens", label: t("Access tokens") }];
  return (
    <>
      <PageHeader title={t("Settings")} />
      <Tabs tabs={tabs} chosen={tab} onChoose={(id) => setQuery({ tab: id }, { replace: true })} label={t("Settings")} />
      {!view && <Card><Skeleton rows={6} /></Card>}
      {view && tab === "general" && <General view={view} send={send} />}
      {view && tab === "disk" && <DiskSpace disk={view.disk} me={view.id} />}
      {view && tab === "password" && <Password send={send} />}
      {view && tab === "tokens" && <Tokens tokens={view.tokens} days={view.days} send={send} />}
    </>
  );
}

function General({ view, send }) {
  const choose = async (language) => {
    try {
      await send("choose_language", { language });
    } catch (error) {
      return failed(error);
    }
    document.cookie = `trainyard_language=${language}; path=/; max-age=31536000; samesite=lax`;
    return location.reload();
  };
  const chosen = view.language || (document.documentElement.lang.startsWith("zh") ? "zh" : "en");
  return (
    <div class="ty-grid">
      <Card title={t("You")}>
        <Facts rows={[[t("Name"), view.name], [t("Groups"), view.groups.join(", ") || t("none yet")], [t("Role"), view.administrator ? t("Administrator") : t("Member")]]} />
      </Card>
      <Card title={t("Language")} text={t("Of pages, notices and mail.")}>
        <ChoiceField name="language" label={<span class="ty-visually-hidden">{t("Language")}</span>} value={chosen} onChange={choose} options={[{ value: "en", label: "English" }, { value: "zh", label: "中文" }]} />
      </Card>
    </div>
  );
}

// What the viewer has on the disk in each group, and what that leaves.
function DiskSpace({ disk, me }) {
  return (
    <div class="ty-grid">
      {disk.groups.map((group) => {
        const own = disk.people.find((row) => row.group === group.group && row.person.id === me);
        return (
          <Card key={group.group} title={group.group ?? t("People without a group")} text={<>{t("Shares, homes and run folders as of")} {disk.measured ? <Time value={disk.measured} /> : t("not measured yet")}</>}>
            <Meter label={t("All together")} used={group.used} limit={group.limit} format={bytes} />
            <Meter label={t("Yours")} used={own?.used ?? 0} limit={own?.limit ?? null} format={bytes} />
            <p class="ty-muted ty-gap-top">{(own && partsText(own.parts)) || t("You have stored nothing here yet.")}</p>
          </Card>
        );
      })}
    </div>
  );
}

function Password({ send }) {
  const [values, setValues] = useState({ old: "", new: "", again: "" });
  const change = (name) => (value) => setValues({ ...values, [name]: value });
  const submit = async () => {
    if (values.new !== values.again) throw { field: "again", message: t("The two new passwords differ.") };
    await send("change_password", { old: values.old, new: values.new });
    setValues({ old: "", new: "", again: "" });
    toast(t("The password is changed."));
  };
  return (
    <Card title={t("Password")} text={t("At least ten characters; a few words that only you would put together are best.")}>
      <div class="ty-narrow">
        <Form onSubmit={submit} submit={t("Change password")} disabled={!values.old || !values.new}>
          <TextField name="old" type="password" label={t("Present password")} value={values.old} onChange={change("old")} autocomplete="current-password" />
          <TextField name="new" type="password" label={t("New password")} value={values.new} onChange={change("new")} autocomplete="new-password" />
          <TextField name="again" type="password" label={t("New password, again")} value={values.again} onChange={change("again")} autocomplete="new-password" />
        </Form>
      </div>
    </Card>
  );
}

function Tokens({ tokens, days, send }) {
  const [making, setMaking] = useState(false);
  const [made, setMade] = useState(null);
  const revoke = (token) => confirm({
    title: t("Revoke this token?"),
    text: t("Programs that use “{name}” are refused from now on.", { name: token.name }),
    button: t("Revoke"),
    act: () => send("revoke_token", { token: token.id }),
  });
  const columns = [
    { id: "name", label: t("Name"), wide: true, sort: (token) => token.name, cell: (token) => token.name },
    { id: "created", label: t("Made"), sort: (token) => Date.parse(token.created), cell: (token) => <Time value={token.created} /> },
    { id: "expires", label: t("Expires"), sort: (token) => Date.parse(token.expires ?? 0), cell: (token) => <Expiry value={token.expires} /> },
    { id: "used", label: t("Last used"), cell: (token) => (token.last_used ? <Time value={token.last_used} /> : t("never")) },
    { id: "act", label: "", cell: (token) => <Button small icon="trash" onClick={() => revoke(token)}>{t("Revoke")}</Button> },
  ];
  const make = <Button kind="primary" icon="plus" onClick={() => setMaking(true)}>{t("New token")}</Button>;
  const empty = <EmptyState icon="terminal" title={t("No access tokens")} text={t("A token lets the trainyard command and your scripts work in your name from outside.")}>{make}</EmptyState>;
  return (
    <Card flush title={t("Access tokens")} text={t("They may do what you may do. Give each program its own.")} actions={tokens.length > 0 && make}>
      <Table label={t("Access tokens")} columns={columns} rows={tokens} empty={empty} />
      {making && <NewToken days={days} send={send} onClose={() => setMaking(false)} onMade={(token) => (setMaking(false), setMade(token))} />}
      {made && <Secret token={made} onClose={() => setMade(null)} />}
    </Card>
  );
}

function Expiry({ value }) {
  if (!value) return t("never");
  return Date.parse(value) < Date.now() ? <Tag tone="bad">{t("expired")}</Tag> : <Time value={value} />;
}

function NewToken({ days, send, onClose, onMade }) {
  const [name, setName] = useState("");
  const [life, setLife] = useState(String(days));
  const submit = async () => onMade(await send("make_token", { name, days: Number(life) }));
  const lives = [7, 30, 90, 365].map((value) => ({ value: String(value), label: t("{days} days", { days: value }) }));
  return (
    <Dialog title={t("New access token")} onClose={onClose}>
      <Form onSubmit={submit} submit={t("Make token")} cancel={onClose}>
        <TextField name="name" label={t("Name")} hint={t("What it is for, such as “laptop” or “nightly training”.")} value={name} onChange={setName} autofocus maxLength={63} />
        <SelectField name="days" label={t("Expires after")} value={life} onChange={setLife} options={lives} />
      </Form>
    </Dialog>
  );
}

function Secret({ token, onClose }) {
  return (
    <Dialog title={t("Your new token")} onClose={onClose} footer={<Button kind="primary" onClick={onClose}>{t("I have kept it")}</Button>}>
      <div class="ty-stack-small">
        <Note kind="warn">{t("Copy it now: it is shown this once.")}</Note>
        <div class="ty-secret"><code>{token.secret}</code><CopyButton text={token.secret} /></div>
        <p class="ty-muted">{t("On your machine:")} <code>trainyard login {location.origin}</code></p>
      </div>
    </Dialog>
  );
}

export default definePage(Account);
