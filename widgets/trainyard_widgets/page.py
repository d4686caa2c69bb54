"""The base of every page: a widget that draws plain data and answers the actions its JavaScript sends.

A page names its bundle and the topics it listens to, returns its data from ``load()`` and marks what the browser may call with
``@action``. Loads and actions run in worker threads, so that the kernel always answers.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar, TypeVar, overload

import anywidget
import traitlets
from trainyard.errors import UserError
from trainyard.records.accounts import Me, Notice
from trainyard.records.base import Page as Listing
from trainyard.words import N_, messages

from trainyard_widgets.client import PageClient
from trainyard_widgets.live import Follower
from trainyard_widgets.viewer import Viewer, current_viewer

STATIC = Path(__file__).parent / "static"
LATE = 5.0
"""Seconds after which a page says that it still waits for the service."""
View = dict[str, Any]
F = TypeVar("F", bound=Callable[..., Any])
log = logging.getLogger(__name__)


@overload
def action(name: F, /) -> F: ...
@overload
def action(name: str | None = None, /, *, reloads: bool = True) -> Callable[[F], F]: ...
def action(name: Any = None, /, *, reloads: bool = True) -> Any:
    """Mark a method as callable by the page's JavaScript, under its own name or ``name``.

    It runs in a worker thread with the arguments the browser sent and returns plain data. Afterwards the view is loaded
    again before the browser gets its answer, unless ``reloads`` is False.
    """

    def mark(method: F) -> F:
        vars(method)["action"] = (name if isinstance(name, str) else method.__name__, reloads)
        return method

    return mark(name) if callable(name) else mark


class Page(anywidget.AnyWidget):
    """A page. Subclasses set ``bundle`` and ``topics`` and define ``load()``."""

    bundle: ClassVar[str] = ""
    topics: ClassVar[frozenset[str]] = frozenset()
    actions: ClassVar[dict[str, tuple[str, bool]]] = {}

    view = traitlets.Dict().tag(sync=True)
    query = traitlets.Dict().tag(sync=True)
    language = traitlets.Unicode("en").tag(sync=True)
    words = traitlets.Dict().tag(sync=True)
    person = traitlets.Dict().tag(sync=True)
    slow = traitlets.Bool(False).tag(sync=True)

    def __init_subclass__(cls, **arguments: Any) -> None:
        if "bundle" in vars(cls):  # not for the class add_traits derives at run time
            cls._esm = STATIC / f"{cls.bundle}.js"
            cls._css = STATIC.parent / "theme.css"
        members = [member for base in reversed(cls.__mro__) for member in vars(base).items()]
        cls.actions = {
            method.action[0]: (name, method.action[1])
            for name, method in members
            if callable(method) and hasattr(method, "action")
        }
        super().__init_subclass__(**arguments)

    def __init__(self, viewer: Viewer | None = None, client: PageClient | None = None) -> None:
        viewer = viewer or current_viewer()
        self.client = client or PageClient(viewer)
        self._main = _running_loop()
        self._workers = ThreadPoolExecutor(4, thread_name_prefix="page")
        self._again = threading.Event()
        self._loading = threading.Lock()
        super().__init__(
            query=dict(viewer.query),
            language=viewer.language,
            words={} if viewer.hosted else messages("trainyard_widgets", viewer.language),
        )
        self.on_msg(self._received)
        self.observe(self._address_changed, "query")
        self._workers.submit(self._load_person)
        self.reload()
        self._follower = Follower(self.client, self._happened, self.rest)
        self._follower.start()

    def load(self) -> View:
        """The page's data, plain and ready to draw; called in a worker thread.

        Raises:
            UserError: shown in place of the page, with its hint and a button to try again.
        """
        raise NotImplementedError

    def happened(self, topic: str, which: str | None) -> None:
        """Something changed; reload if it concerns this page. Called in the follower's thread."""
        if topic in self.topics or topic == "*":
            self.reload()

    def rest(self) -> float:
        """Seconds between two loads that events cause; what happens meanwhile is loaded after them."""
        return 0.0

    def reload(self) -> None:
        """Load the view again, soon; many calls at once become one load."""
        self._again.set()
        self._workers.submit(self._load)

    def assign(self, **traits: Any) -> None:
        """Set traits from any thread; the browser sees them together."""

        def apply() -> None:
            with self.hold_sync():
                for name, value in traits.items():
                    setattr(self, name, value)

        self._on_main(apply)

    def push(self, topic: str, data: Any) -> None:
        """Send ``data`` to the page's listeners of ``topic``, from any thread, without keeping it."""
        self._on_main(lambda: self.send({"push": topic, "data": data}))

    def close(self) -> None:
        """End threads and connections with the widget."""
        if not hasattr(self, "_follower"):
            return
        self._follower.stop()
        self.client.close()
        self._workers.shutdown(wait=False, cancel_futures=True)
        super().close()

    @action(reloads=False)
    def reload_page(self) -> None:
        """The browser asks for fresh data."""
        self.reload()

    @action(reloads=False)
    def notices(self) -> list[dict[str, Any]]:
        """The newest notices, for the bell."""
        page = self.client.get("/notices", Listing[Notice], limit=30)
        return [notice.model_dump(mode="json") for notice in page.items]

    @action(reloads=False)
    def read_notices(self) -> None:
        """Mark all notices as read."""
        self.client.post("/notices/read", object)
        self._load_person()

    def _happened(self, topic: str, which: str | None) -> None:
        if topic in {"notice", "account", "*"}:
            self._workers.submit(self._load_person)
        self.happened(topic, which)

    def _address_changed(self, _: Any) -> None:
        self.reload()

    def _load_person(self) -> None:
        try:
            me = self.client.get("/me", Me)
        except UserError:
            return
        self.assign(
            person={
                "id": me.id,
                "name": me.name,
                "administrator": me.administrator,
                "unread": me.unread_notices,
                "waiting": me.applications_waiting,
            }
        )

    def _load(self) -> None:
        with self._loading:
            if not self._again.is_set():
                return
            self._again.clear()
            late = threading.Timer(LATE, self.assign, kwargs={"slow": True})
            late.daemon = True
            late.start()
            try:
                view = self.load()
            except UserError as error:
                view = {**self.view, "error": error.to_json(self.language)["error"]}
            except Exception:
                view = {**self.view, "error": self._unexpected()}
            late.cancel()
            self.assign(view=view, slow=False)

    def _received(self, _: Any, message: Any, __: Any) -> None:
        if not isinstance(message, dict):
            return
        if "hello" in message:
            self.send({"state": {"view": self.view, "query": self.query, "language": self.language, "person": self.person}})
        elif message.get("action") in self.actions:
            self._workers.submit(self._act, message["action"], message.get("id"), message.get("args") or {})
        elif "action" in message:  # an answer all the same: the button that asked would wait for ever
            unknown = UserError(
                "no-such-action", N_("This page does not know how to do that."), hint=N_("Load the page again.")
            )
            self.send({"reply": message.get("id"), **unknown.to_json(self.language)})

    def _act(self, name: str, number: Any, arguments: dict[str, Any]) -> None:
        method, reloads = self.actions[name]
        try:
            answer = {"result": getattr(self, method)(**arguments)}
        except UserError as error:
            answer = error.to_json(self.language)
        except Exception:
            answer = {"error": self._unexpected()}
        if reloads:
            self._again.set()
            self._load()
        self._on_main(lambda: self.send({"reply": number, **answer}))

    def _unexpected(self) -> dict[str, Any]:
        number = uuid.uuid4().hex[:8]
        log.exception("page %s failed, shown to the viewer as %s", self.bundle, number)
        error = UserError(
            "unexpected",
            N_("Something went wrong on our side ({number})."),
            hint=N_("Try again; if it stays so, tell your administrator this number."),
            number=number,
        )
        body: dict[str, Any] = error.to_json(self.language)["error"]
        return body

    def _on_main(self, work: Callable[[], None]) -> None:
        """Comm messages leave from the kernel's own thread only: its message counter and signatures are not made for more."""
        if self._main is None or threading.current_thread() is threading.main_thread():
            work()
        else:
            self._main.call_soon_threadsafe(work)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
