"""What somebody tries from a terminal of their workspace to reach what is another person's, of another group.

``TRIES`` is a program for the pod: it reads who the other one is from a file beside it, and prints one line a try. What is
refused is "kept out" with the reason; what is not is "REACHED". Its own things come first, so that a program that reaches
nothing at all is not taken for a good sign.
"""

from __future__ import annotations

TRIES = """
import json, os, socket, ssl, sys, urllib.error, urllib.request
told = json.load(open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "other.json")))
class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_): return None
opener = urllib.request.build_opener(Stay, urllib.request.HTTPSHandler(context=ssl._create_unverified_context()))
token = os.environ["JUPYTERHUB_API_TOKEN"]
here = os.environ["TRAINYARD_URL"]
api = here + "/services/trainyard/api/v1"
def asks(url, mine=True, method="GET"):
    headers = {"Authorization": "Bearer " + token} if mine else {}
    data = None if method == "GET" else b"{}"
    if data: headers["Content-Type"] = "application/json"
    return opener.open(urllib.request.Request(url, headers=headers, data=data, method=method), timeout=20).read()[:80]
def tried(what, work, *given):
    try: print(what, "REACHED", work(*given))
    except Exception as why: print(what, "kept out:", getattr(why, "code", type(why).__name__))
def connects(place):
    with socket.create_connection(place, 5): return "a connection"
me, other, group, pod = told["me"], told["other"], told["group"], told["pod"]
print("groups", sorted(os.listdir("/workspace/mnt/group")))
owners = {os.stat("/proc/" + one).st_uid for one in os.listdir("/proc") if one.isdecimal()}
print("processes are all own:", owners == {os.getuid()})
tried("own server", asks, f"{here}/user/{me}/api/contents")
tried("own groups", asks, f"{api}/groups")
print("-- the other's")
tried("share", os.listdir, "/workspace/mnt/group/" + group)
tried("platform's folders", os.listdir, "/srv/trainyard")
tried("node", os.listdir, "/var/lib/kubelet")
tried("token of the cluster", os.listdir, "/var/run/secrets/kubernetes.io")
tried("writing to the image", open, "/opt/trainyard/x", "w")
for kind in ("pods", "secrets", "services"):
    tried(kind, asks, f"{told['cluster']}/api/v1/namespaces/{told['namespace']}/{kind}", False)
    tried(kind + " by own token", asks, f"{told['cluster']}/api/v1/namespaces/{told['namespace']}/{kind}")
tried("jobs", asks, f"{told['cluster']}/apis/batch/v1/jobs", False)
for where in (f"{here}/user/{other}", f"http://{pod}:8888/user/{other}"):
    for mine in (True, False):
        tried("files by their server", asks, where + "/api/contents", mine)
        tried("terminal of their server", asks, where + "/api/terminals", mine, "POST")
        tried("kernels of their server", asks, where + "/api/kernels", mine)
for path in ("", "/tokens", "/server"):
    tried("hub about them" + path, asks, f"{here}/hub/api/users/{other}{path}", True, "POST" if path else "GET")
tried("hub about all", asks, here + "/hub/api/users")
tried("platform's own", asks, f"{api}/internal/workspaces/{other}/options")
tried("platform's own grants", asks, f"{api}/internal/workspaces/{other}/launch", True, "POST")
tried("accounts", asks, api + "/accounts")
tried("group", asks, f"{api}/groups/{group}/quota", True, "PUT")
tried("training", asks, f"{api}/trainings/{told['training']}")
tried("job", asks, f"{api}/jobs/{told['job']}")
tried("log", asks, f"{api}/jobs/{told['job']}/log")
tried("stopping their job", asks, f"{api}/jobs/{told['job']}/stop", True, "POST")
for host, port in told["closed"]:
    tried(f"port {port}", connects, (host, port))
print("-- the end")
"""
