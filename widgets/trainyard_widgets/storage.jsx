// Storage: bind one bucket, once; then a browser with folders, upload, download, rename and delete.
import { useEffect, useState } from "preact/hooks";
import {
  Button, bytes, Card, CheckField, ChoiceField, confirm, definePage, Dialog, download, EmptyState, Facts, failed, Form, Icon, IconButton, Note, PageHeader, Skeleton, StateBadge, t, Table, TextField, Time, toast, Upload,
} from "./components/index.js";

function StoragePage({ view, query, setQuery, send }) {
  return (
    <>
      <PageHeader title={t("Storage")} text={t("Your bucket keeps your lists, pictures, formatted sets and models; also outside this platform.")} />
      {!view && <Card><Skeleton rows={8} /></Card>}
      {view && !view.storage && <Bind offer={view.offer} send={send} />}
      {view?.storage && <Browser view={view} query={query} setQuery={setQuery} send={send} />}
    </>
  );
}

function Bind({ offer, send }) {
  const [kind, setKind] = useState("own");
  const [values, setValues] = useState({ bucket: offer.bucket, endpoint: "", region: "", access_key: "", secret_key: "", create: true });
  const change = (name) => (value) => setValues({ ...values, [name]: value });
  const submit = async () => {
    const storage = kind === "own" ? { bucket: values.bucket, create: true } : values;
    await send("bind", { storage });
    toast(t("Your storage is connected."));
  };
  const options = [
    { value: "own", label: t("The platform's own store"), hint: t("Nothing else is needed; a bucket is made for you.") },
    { value: "else", label: t("Another S3 storage"), hint: t("Endpoint, bucket and keys of a storage you already have. Keys are kept encrypted and never shown again.") },
  ];
  return (
    <Card title={t("Connect a bucket")} text={t("It is checked by writing, reading and deleting a small object. It cannot be changed afterwards.")}>
      <div class="ty-narrow">
        <Form onSubmit={submit} submit={t("Connect")}>
          <ChoiceField name="kind" label={t("Where")} value={kind} onChange={(value) => (setKind(value), setValues({ ...values, bucket: value === "own" ? offer.bucket : "", create: value === "own" }))} options={options} />
          {kind === "else" && <TextField name="endpoint" label={t("Endpoint")} placeholder="https://s3.example.com" value={values.endpoint} onChange={change("endpoint")} />}
          <TextField name="bucket" label={t("Bucket")} hint={t("3 to 63 lower-case letters, digits, dots and hyphens.")} value={values.bucket} onChange={change("bucket")} />
          {kind === "else" && (
            <>
              <TextField name="region" label={t("Region")} optional value={values.region} onChange={change("region")} />
              <TextField name="access_key" label={t("Access key")} value={values.access_key} onChange={change("access_key")} autocomplete="off" />
              <TextField name="secret_key" type="password" label={t("Secret key")} value={values.secret_key} onChange={change("secret_key")} autocomplete="off" />
              <CheckField name="create" label={t("Make the bucket if it is not there")} value={values.create} onChange={change("create")} />
            </>
          )}
        </Form>
      </div>
    </Card>
  );
}

function Browser({ view, query, setQuery, send }) {
  const { storage, listing, path } = view;
  const [chosen, setChosen] = useState(new Set());
  const [uploading, setUploading] = useState(false);
  const [renaming, setRenaming] = useState(null);
  useEffect(() => setChosen(new Set()), [listing.prefix, query.after]);
  const open = (prefix) => setQuery({ prefix, after: null });
  const remove = (keys) => confirm({
    title: keys.length === 1 ? t("Delete “{name}”?", { name: keys[0] }) : t("Delete {count} entries?", { count: keys.length }),
    text: keys.some((key) => key.endsWith("/")) ? t("Folders go with everything in them. This cannot be undone.") : t("This cannot be undone."),
    button: t("Delete"),
    act: async () => {
      await send("delete", { keys });
      setChosen(new Set());
    },
  });
  const choose = (key) => {
    const next = new Set(chosen);
    if (!next.delete(key)) next.add(key);
    setChosen(next);
  };
  const columns = [
    { id: "pick", label: "", cell: (entry) => <input type="checkbox" class="ty-pick" checked={chosen.has(entry.key)} onChange={() => choose(entry.key)} aria-label={t("Choose {name}", { name: entry.name })} /> },
    { id: "name", label: t("Name"), wide: true, sort: (entry) => (entry.size === null ? "0" : "1") + entry.name, cell: (entry) => <Entry entry={entry} open={open} /> },
    { id: "size", label: t("Size"), numbers: true, sort: (entry) => entry.size ?? -1, cell: (entry) => (entry.size === null ? "–" : bytes(entry.size)) },
    { id: "modified", label: t("Changed"), sort: (entry) => Date.parse(entry.modified ?? 0), cell: (entry) => (entry.modified ? <Time value={entry.modified} /> : "–") },
    { id: "act", label: "", cell: (entry) => <Actions entry={entry} rename={() => setRenaming(entry)} remove={() => remove([entry.key])} /> },
  ];
  const upload = <Button kind="primary" icon="upload" onClick={() => setUploading(true)}>{t("Upload")}</Button>;
  const empty = <EmptyState icon="folder" title={t("This folder is empty")} text={t("Upload a list with its pictures, then make a dataset from it.")}>{upload}</EmptyState>;
  return (
    <div class="ty-stack">
      <Card flush title={<Path bucket={storage.bucket} path={path} open={open} />} actions={<>{chosen.size > 0 && <Button icon="trash" onClick={() => remove([...chosen])}>{t("Delete {count}", { count: chosen.size })}</Button>}{listing.entries.length > 0 && upload}</>}>
        <Table label={t("Objects")} columns={columns} rows={listing.entries} rowKey={(entry) => entry.key} size={1000} empty={empty} />
        {(listing.after || query.after) && (
          <div class="ty-pager">
            {query.after && <Button small onClick={() => setQuery({ after: null })}>{t("First page")}</Button>}
            {listing.after && <Button small onClick={() => setQuery({ after: listing.after })}>{t("Next")}</Button>}
          </div>
        )}
      </Card>
      <Card title={t("Connection")} actions={<StateBadge state="ok" text={t("connected")} />}>
        <Facts rows={[[t("Bucket"), storage.bucket], [t("Endpoint"), storage.embedded ? t("The platform's own store") : storage.endpoint], [t("Region"), storage.region], [t("Since"), <Time value={storage.bound} />], [t("As files"), <AsFiles storage={storage} />]]} />
      </Card>
      {uploading && <Uploads prefix={listing.prefix} close={() => (setUploading(false), send("reload_page").catch(failed))} />}
      {renaming && <Rename entry={renaming} send={send} onClose={() => setRenaming(null)} />}
    </div>
  );
}

function AsFiles({ storage }) {
  if (!storage.path) return <span class="ty-warn">{storage.mount_problem || t("not mounted on this machine")}</span>;
  return <span><code>{storage.path}</code> <span class="ty-muted ty-small">{storage.mounted ? t("in use now") : t("in each workspace and training that starts from now on")}</span></span>;
}

function Path({ bucket, path, open }) {
  const link = (prefix, name) => <a href={`?prefix=${encodeURIComponent(prefix)}`} onClick={(event) => (event.preventDefault(), open(prefix))}>{name}</a>;
  return (
    <span class="ty-path">
      {path.length ? link("", bucket) : bucket}
      {path.map((step, index) => <span key={step.prefix}> / {index === path.length - 1 ? step.name : link(step.prefix, step.name)}</span>)}
    </span>
  );
}

function Entry({ entry, open }) {
  if (entry.size !== null) return <span class="ty-entry"><Icon name="file" />{entry.name}</span>;
  return (
    <a class="ty-entry" href={`?prefix=${encodeURIComponent(entry.key)}`} onClick={(event) => (event.preventDefault(), open(entry.key))}>
      <Icon name="folder" />{entry.name}
    </a>
  );
}

function Actions({ entry, rename, remove }) {
  return (
    <span class="ty-row ty-actions">
      {entry.size !== null && <IconButton icon="download" label={t("Download {name}", { name: entry.name })} onClick={() => download(`/bucket/object?key=${encodeURIComponent(entry.key)}`)} />}
      <IconButton icon="pencil" label={t("Rename {name}", { name: entry.name })} onClick={rename} />
      <IconButton icon="trash" label={t("Delete {name}", { name: entry.name })} onClick={remove} />
    </span>
  );
}

function Uploads({ prefix, close }) {
  const [done, setDone] = useState(0);
  return (
    <Dialog title={t("Upload to {folder}", { folder: prefix || t("the top folder") })} onClose={close} footer={<Button kind={done ? "primary" : "plain"} onClick={close}>{done ? t("Done") : t("Close")}</Button>}>
      <Upload purpose="object" multiple label={t("Choose files")} hint={t("Large files go in parts and can be paused.")} name={(file) => prefix + file.name} onDone={() => setDone((count) => count + 1)} />
      {done > 0 && <div class="ty-gap-top"><Note kind="good">{t("{count} uploaded.", { count: done })}</Note></div>}
    </Dialog>
  );
}

function Rename({ entry, send, onClose }) {
  const [to, setTo] = useState(entry.key);
  const submit = async () => {
    await send("rename", { key: entry.key, to: entry.size === null && !to.endsWith("/") ? `${to}/` : to });
    onClose();
  };
  return (
    <Dialog title={t("Rename {name}", { name: entry.name })} onClose={onClose}>
      <Form onSubmit={submit} submit={t("Rename")} cancel={onClose} disabled={!to || to === entry.key}>
        <TextField name="to" label={t("New key")} hint={t("Slashes make folders.")} value={to} onChange={setTo} autofocus />
      </Form>
    </Dialog>
  );
}

export default definePage(StoragePage);
