// Administration: inbox, people, groups and quotas, usage, allowed hosts, audit, machine.
import { Card, definePage, EmptyState, PageHeader, Skeleton, t, Tabs } from "./components/index.js";
import { Inbox, People } from "./components/admin/people.jsx";
import { Groups } from "./components/admin/groups.jsx";
import { Hosts } from "./components/admin/hosts.jsx";
import { ResourcesTab } from "./components/admin/resources.jsx";
import { Audit, Machine, Usage } from "./components/admin/watch.jsx";

const PANELS = { inbox: Inbox, people: People, groups: Groups, resources: ResourcesTab, usage: Usage, hosts: Hosts, audit: Audit, machine: Machine };

function Admin({ view, query, setQuery, send }) {
  const tab = PANELS[query.tab] ? query.tab : "inbox";
  const tabs = [
    { id: "inbox", label: t("Inbox"), count: view?.waiting }, { id: "people", label: t("People") }, { id: "groups", label: t("Groups and quotas") },
    { id: "resources", label: t("Resources") }, { id: "usage", label: t("Usage") }, { id: "hosts", label: t("Allowed hosts") }, { id: "audit", label: t("Audit") }, { id: "machine", label: t("Machine") },
  ];
  if (view?.refused) return <><PageHeader title={t("Administration")} /><Card><EmptyState icon="people" title={t("For administrators only")} text={t("Ask an administrator of this platform.")} /></Card></>;
  const Panel = PANELS[tab];
  const empty = { search: null, offset: null, who: null, action: null, group: null, month: null, device: null };
  return (
    <>
      <PageHeader title={t("Administration")} />
      <Tabs tabs={tabs} chosen={tab} onChoose={(id) => setQuery({ ...empty, tab: id })} label={t("Administration")} />
      {view?.tab === tab ? <Panel view={view} query={query} setQuery={setQuery} send={send} /> : <Card><Skeleton rows={8} /></Card>}
    </>
  );
}

export default definePage(Admin);
