// Which hosts inside the private network people's pictures and buckets may lie on: a list to add to and to take from.
import { useState } from "preact/hooks";
import { Button, Card, confirm, EmptyState, Form, N_, t, Table, TextField, toast } from "../index.js";

const ADDRESS = /^(\d+\.\d+\.\d+\.\d+|\[?[0-9a-f]*:[0-9a-f:.]*:[0-9a-f.]*\]?)(:\d+)?$/;
const PORT = /(?:^[^:]*|\]):(\d+)$/;

// What an entry lets through, in words.
function meaning(entry) {
  const port = entry.match(PORT)?.[1];
  const name = entry.replace(/^\*\.|:\d+$/g, "");
  const what = entry.includes("/") ? N_("every address of a network") : entry.startsWith("*.") ? N_("every name below {name}") : ADDRESS.test(entry) ? N_("an address, however it is reached") : N_("a name, whatever address it has");
  return port ? t("{what}, at port {port} only", { what: t(what, { name }), port }) : t(what, { name });
}

export function Hosts({ view, send }) {
  const columns = [
    { id: "host", label: t("Host"), wide: true, sort: (row) => row, cell: (row) => <code>{row}</code> },
    { id: "meaning", label: t("What it lets through"), wide: true, cell: (row) => <span class="ty-muted">{meaning(row)}</span> },
    { id: "actions", label: "", cell: (row) => <div class="ty-row ty-end"><Button small kind="quiet" icon="trash" aria-label={t("Remove {name}", { name: row })} onClick={() => forbid(row, send)}>{t("Remove")}</Button></div> },
  ];
  return (
    <div class="ty-stack">
      <Card title={t("Allow a host")} text={t("Lists may name pictures anywhere on the internet, and buckets may lie there. Addresses of this machine and of private networks are refused, so that nobody reads through the platform what is meant for the inside. What stands here is the exception, from the next connection on.")}>
        <NewHost send={send} />
      </Card>
      <Card flush title={t("Allowed hosts")}>
        <Table label={t("Allowed hosts")} columns={columns} rows={view.hosts} rowKey={(row) => row} empty={<EmptyState icon="link" title={t("No host is allowed")} text={t("Only the public internet can be reached. Add the server of your own network that holds pictures or buckets, such as pictures.lan:8080.")} />} />
      </Card>
    </div>
  );
}

function NewHost({ send }) {
  const [host, setHost] = useState("");
  const allow = async () => {
    await send("allow_host", { host });
    toast(t("{name} may be reached now.", { name: host.trim() }));
    setHost((typed) => (typed === host ? "" : typed));
  };
  return (
    <Form onSubmit={allow} submit={t("Allow")}>
      <TextField name="hosts" label={t("Host, address or network")} value={host} onChange={setHost} placeholder="pictures.lan:8080" spellcheck={false} autocomplete="off" maxLength={300} hint={t("For example pictures.lan, *.lan.example.org, pictures.lan:8080, 10.1.2.3 or 10.1.0.0/16. Everybody who may bring a list can then have it read.")} />
    </Form>
  );
}

function forbid(host, send) {
  confirm({
    title: t("Remove {name}?", { name: host }),
    text: t("Pictures there can no longer be shown, fetched or formatted, and buckets there no longer be reached, unless the host is on the public internet."),
    button: t("Remove"),
    act: () => send("forbid_host", { host }),
  });
}
