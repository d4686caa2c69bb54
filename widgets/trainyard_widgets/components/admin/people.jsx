// Who wants in and who is there.
import { useState } from "preact/hooks";
import {
  Button, Card, CheckField, confirm, Dialog, EmptyState, Facts, Form, Search, SelectField, StateBadge, t, Table, Tag, TextArea, TextField, Time, toast,
} from "../index.js";
import { DeleteAccount } from "./deletion.jsx";

export function Inbox({ view, send }) {
  const [refusing, setRefusing] = useState(null);
  // Whoever writes a reason keeps the dialog, and is told there that somebody else has decided meanwhile.
  return (
    <>
      <Applications view={view} send={send} refuse={setRefusing} />
      {refusing && <Refusal application={refusing} send={send} onClose={() => setRefusing(null)} />}
    </>
  );
}

function Applications({ view, send, refuse }) {
  if (!view.applications.length) {
    return <Card><EmptyState icon="people" title={t("Nobody is waiting")} text={t("Who signs up on the sign-in page appears here, and you get a notice.")} /></Card>;
  }
  return (
    <div class="ty-grid ty-grid-fill">
      {view.applications.map((application) => <Application key={application.id} application={application} groups={view.groups} send={send} refuse={() => refuse(application)} />)}
    </div>
  );
}

function Application({ application, groups, send, refuse }) {
  const wanted = groups.find((group) => group.toLowerCase() === application.affiliation.toLowerCase());
  const [group, setGroup] = useState(wanted ?? groups[0] ?? "");
  const approve = async () => {
    await send("approve", { account: application.id, group: group || null });
    toast(t("{name} may sign in now.", { name: application.name }));
  };
  const options = [...groups.map((name) => ({ value: name, label: name })), { value: "", label: t("no group yet") }];
  return (
    <Card title={application.name} text={<>{t("applied")} <Time value={application.created} /></>} actions={<StateBadge state="applied" />}>
      <div class="ty-gap"><Facts rows={[[t("Group or school"), application.affiliation], [t("E-mail"), application.email], [t("Reason"), application.reason]]} /></div>
      <SelectField name="group" label={t("Into the group")} hint={groups.length ? t("A group gives workspace, shared folder and training.") : t("There is no group yet: make one under “Groups and quotas”.")} value={group} onChange={setGroup} options={options} />
      <div class="ty-form-foot ty-gap-top">
        <Button onClick={refuse}>{t("Refuse")}</Button>
        <Button kind="primary" icon="check" onClick={approve}>{t("Approve")}</Button>
      </div>
    </Card>
  );
}

function Refusal({ application, send, onClose }) {
  const [reason, setReason] = useState("");
  const submit = async () => {
    await send("refuse", { account: application.id, reason });
    onClose();
  };
  return (
    <Dialog title={t("Refuse {name}?", { name: application.name })} onClose={onClose}>
      <Form onSubmit={submit} submit={t("Refuse")} kind="danger" cancel={onClose}>
        <TextArea name="reason" label={t("Reason")} optional hint={t("The applicant reads it at the next sign-in, and in a mail where mail is set up.")} value={reason} onChange={setReason} />
      </Form>
    </Dialog>
  );
}

export function People({ view, query, setQuery, send }) {
  const [chosen, setChosen] = useState(null);
  const { people } = view;
  const person = people.items.find((candidate) => candidate.id === chosen);
  const columns = [
    { id: "name", label: t("Name"), wide: true, cell: (account) => <div><div>{account.name} {account.administrator && <Tag tone="busy">{t("Administrator")}</Tag>}</div><div class="ty-muted">{account.email}</div></div> },
    { id: "state", label: t("State"), cell: (account) => <StateBadge state={account.state} /> },
    { id: "groups", label: t("Groups"), cell: (account) => account.groups.join(", ") || "–" },
    { id: "seen", label: t("Last seen"), cell: (account) => (account.last_seen ? <Time value={account.last_seen} /> : "–") },
    { id: "created", label: t("Joined"), cell: (account) => <Time value={account.created} /> },
    { id: "act", label: "", cell: (account) => <span class="ty-row ty-actions"><Button small aria-label={t("Manage {name}", { name: account.name })} onClick={() => setChosen(account.id)}>{t("Manage")}</Button></span> },
  ];
  return (
    <Card flush title={t("People")} actions={<Search value={query.search} onSearch={(search) => setQuery({ search, offset: null }, { replace: true })} label={t("Search people")} />}>
      <Table
        label={t("People")} columns={columns} rows={people.items} onRow={(account) => setChosen(account.id)}
        page={{ offset: people.offset, limit: view.page, total: people.total, onOffset: (offset, how) => setQuery({ offset: offset || null }, how) }}
        empty={<EmptyState icon="search" title={t("Nobody matches")} text={t("Try another part of the name.")}><Button onClick={() => setQuery({ search: null, offset: null }, { replace: true })}>{t("Clear the search")}</Button></EmptyState>}
      />
      {person && <Manage account={person} own={person.id === view.me} groups={view.groups} send={send} onClose={() => setChosen(null)} />}
    </Card>
  );
}

function Manage({ account, own, groups, send, onClose }) {
  const [group, setGroup] = useState("");
  const others = groups.filter((name) => !account.groups.includes(name));
  const block = () => confirm({
    title: t("Block {name}?", { name: account.name }), text: t("They are signed out; their workspace and jobs stop at once. Their files stay."), button: t("Block"),
    act: () => send("block", { account: account.id }),
  });
  const leave = (name) => confirm({
    title: t("Take {name} out of {group}?", { name: account.name, group: name }), text: t("What they run with this group ends after ten minutes' notice."), button: t("Take out"),
    act: () => send("remove_member", { group: name, account: account.id }),
  });
  return (
    <Dialog title={account.name} onClose={onClose} wide>
      <div class="ty-stack-small">
        <Facts rows={[[t("State"), <StateBadge state={account.state} />], [t("E-mail"), account.email], [t("Group or school"), account.affiliation], [t("Reason"), account.reason], [t("Joined"), <Time value={account.created} absolute />], [t("Approved by"), account.decided_by]]} />
        <h3>{t("Groups")}</h3>
        <div class="ty-row">
          {account.groups.map((name) => <span key={name} class="ty-row"><Tag>{name}</Tag><Button small kind="quiet" onClick={() => leave(name)}>{t("Take out")}</Button></span>)}
          {!account.groups.length && <span class="ty-muted">{t("none yet")}</span>}
        </div>
        {others.length > 0 && (
          <div class="ty-row ty-end">
            <SelectField name="group" label={t("Add to")} value={group} onChange={setGroup} options={[{ value: "", label: t("Choose a group") }, ...others.map((name) => ({ value: name, label: name }))]} />
            <Button disabled={!group} onClick={async () => (await send("set_member", { group, account: account.id }), setGroup((chosen) => (chosen === group ? "" : chosen)))}>{t("Add")}</Button>
          </div>
        )}
        <h3>{t("Rights")}</h3>
        <CheckField label={t("Administrator")} hint={t("May approve people, set quotas and see all usage.")} value={account.administrator} disabled={own} onChange={(administrator) => confirm({ title: administrator ? t("Make {name} an administrator?", { name: account.name }) : t("Take administration from {name}?", { name: account.name }), text: t("It counts at once."), button: t("Change"), danger: false, act: () => send("set_administrator", { account: account.id, administrator }) })} />
        <NewPassword account={account} send={send} />
        <div class="ty-row">
          {account.state === "active" && !own && <Button kind="danger" onClick={block}>{t("Block")}</Button>}
          {account.state === "blocked" && <Button kind="primary" onClick={() => send("unblock", { account: account.id })}>{t("Unblock")}</Button>}
          {["active", "blocked"].includes(account.state) && !own && <DeleteAccount account={account} send={send} onDeleted={onClose} />}
        </div>
      </div>
    </Dialog>
  );
}

function NewPassword({ account, send }) {
  const [open, setOpen] = useState(false);
  const [value, setValue] = useState("");
  if (!open) return <div><Button small onClick={() => setOpen(true)}>{t("Set a new password")}</Button></div>;
  const submit = async () => {
    await send("set_password", { account: account.id, new: value });
    toast(t("The password is changed; open sessions have ended."));
    setOpen(false);
  };
  return (
    <Form onSubmit={submit} submit={t("Set password")} cancel={() => setOpen(false)} disabled={!value}>
      <TextField name="new" type="password" label={t("New password")} value={value} onChange={setValue} autocomplete="new-password" />
    </Form>
  );
}
