"""A small API server for what a real one does only when it likes: it keeps objects, and refuses what a test wants refused.

It knows no kinds and checks nothing: whatever is posted is there until it is deleted. The real one is ``tests/kubernetes``'s.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web

Object = dict[str, Any]


class Served:
    """What answers ``routes`` from a thread of its own, and the file that leads a launcher there."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        self._ready.wait()

    def routes(self, router: web.UrlDispatcher) -> None:
        """Say what is answered by whom."""
        raise NotImplementedError

    def kubeconfig(self, folder: Path) -> Path:
        """A file that leads here."""
        path = folder / "kubeconfig"
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{self.port}"}}],
            "users": [{"name": "u", "user": {"token": "t"}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
        path.write_text(yaml.safe_dump(content))
        return path

    def close(self) -> None:
        """End it."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _serve(self) -> None:
        application = web.Application()
        self.routes(application.router)
        runner = web.AppRunner(application, shutdown_timeout=1, handler_cancellation=True)
        self._loop.run_until_complete(runner.setup())
        site = web.TCPSite(runner, "127.0.0.1", 0)
        self._loop.run_until_complete(site.start())
        self.port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())


class ApiServer(Served):
    """Objects by path, such as ``/api/v1/namespaces/x/services/y``; ``refused`` are kinds that nobody may make.

    ``groups`` are the API groups it says it has.
    """

    def __init__(self) -> None:
        self.objects: dict[str, Object] = {}
        self.refused: set[str] = set()
        self.groups: list[str] = ["batch"]
        self.asked: list[str] = []
        self._versions = itertools.count(1)
        self._changed = threading.Condition()
        super().__init__()

    def routes(self, router: web.UrlDispatcher) -> None:
        """Everything is an object, or a list of them."""
        router.add_route("*", "/{path:.*}", self._answer)

    def wait(self, reached: Any) -> None:
        """Until it holds, looked at whenever an object changed."""
        with self._changed:
            assert self._changed.wait_for(reached, 120), sorted(self.objects)

    def of_kind(self, kind: str) -> list[Object]:
        """All objects of a kind, by path."""
        return [one for path, one in sorted(self.objects.items()) if path.split("/")[-2] == kind]

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if "watch" in request.query:
            response = web.StreamResponse()
            await response.prepare(request)
            await asyncio.sleep(3600)
            return response
        with self._changed:
            self.asked.append(f"{request.method} {request.path}")
            try:
                body = await request.json() if request.can_read_body else {}
                return web.json_response(getattr(self, f"_{request.method.lower()}")(request, body))
            except KeyError:
                return web.json_response({"reason": "NotFound", "message": request.path}, status=404)
            except PermissionError:
                return web.json_response({"reason": "Forbidden", "message": "exceeded quota"}, status=403)
            except FileExistsError:
                return web.json_response({"reason": "AlreadyExists", "message": request.path}, status=409)
            finally:
                self._changed.notify_all()

    def _post(self, request: web.Request, body: Object) -> Object:
        path = f"{request.path}/{body['metadata']['name']}"
        if request.path.rpartition("/")[2] in self.refused:
            raise PermissionError
        if path in self.objects:
            raise FileExistsError
        return self._made(path, body)

    def _made(self, path: str, body: Object) -> Object:
        number = next(self._versions)
        known = {"uid": f"uid-{number}", "resourceVersion": str(number), "creationTimestamp": "2026-11-22T00:00:00Z"}
        spec = {"clusterIP": f"10.43.0.{number}"} if body["kind"] == "Service" else {}
        made = {**body, "metadata": {**body["metadata"], **known}, "status": {}}
        self.objects[path] = {**made, "spec": {**body.get("spec", {}), **spec}}
        return self.objects[path]

    def _get(self, request: web.Request, _: Object) -> Object:
        path = request.path
        if path == "/apis":
            return {"groups": [{"name": name} for name in self.groups]}
        if path in self.objects:
            return self.objects[path]
        if len(path.split("/")) % 2 == (path.startswith("/api/")):  # one object's: kinds and names take turns
            raise KeyError(path)
        chosen = [one.partition("=") for one in request.query.get("labelSelector", "").split(",") if one]
        kind, place = path.rpartition("/")[2], path.rpartition("/")[0]
        found = [
            one
            for where, one in sorted(self.objects.items())
            if where.startswith(place) and where.split("/")[-2] == kind and self._fits(one, chosen)
        ]
        return {"metadata": {"resourceVersion": "1"}, "items": found}

    def _fits(self, one: Object, chosen: list[tuple[str, str, str]]) -> bool:
        labels = one["metadata"].get("labels", {})
        return all(labels.get(name) == value if sign else name in labels for name, sign, value in chosen)

    def _patch(self, request: web.Request, body: Object) -> Object:
        if "fieldManager" in request.query and request.path not in self.objects:
            return self._made(request.path, body)
        one = self.objects[request.path]
        merge(one, body)
        one["metadata"]["resourceVersion"] = str(next(self._versions))
        return one

    def _delete(self, request: web.Request, _: Object) -> Object:
        return self.objects.pop(request.path)


def merge(one: Object, changes: Object) -> None:
    """A merge patch (RFC 7386), in place: what is null goes, what is an object is merged, all else is replaced."""
    for name, value in changes.items():
        if value is None:
            one.pop(name, None)
        elif isinstance(value, dict) and isinstance(one.get(name), dict):
            merge(one[name], value)
        else:
            one[name] = value
