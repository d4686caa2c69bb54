"""The application: which routers it has, which background tasks run beside it, in what order things start and stop."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from fastapi import Depends, FastAPI
from trainyard.jobs.launch import Launcher

from trainyard_service import audit, bodies, errors, neighbours, oauth
from trainyard_service.accounts.notices import Post
from trainyard_service.api import ROUTERS, system
from trainyard_service.context import Context, load_launcher
from trainyard_service.database.engine import Database
from trainyard_service.database.upgrade import upgrade
from trainyard_service.events import EventBus
from trainyard_service.hub_directory import HubDirectory
from trainyard_service.observe import Measurements, Observer
from trainyard_service.parts import PARTS
from trainyard_service.settings import Settings
from trainyard_service.token_directory import TokenDirectory

Part = Callable[[Context], AbstractAsyncContextManager[None]]


def create_context(settings: Settings, hub: TokenDirectory | None = None, launcher: Launcher | None = None) -> Context:
    """Open the database (migrated to the newest version) and everything the service holds."""
    for folder in (settings.places.service, settings.places.volume):
        folder.mkdir(parents=True, exist_ok=True)
    settings.places.service.chmod(0o700)
    database, events = Database(settings.database), EventBus()
    upgrade(database)
    database.before_commit.append(audit.before_commit)
    others = neighbours.join(database, events)
    database.after_commit.append(events.after_commit)
    post = Post(settings)
    database.after_commit.append(post.after_commit)
    return Context(
        settings=settings,
        database=database,
        events=events,
        hub=hub or HubDirectory(settings.hub_api_url, settings.hub_token),
        launcher=launcher or load_launcher(settings.launcher, settings.places),
        parts={"neighbours": others},
    )


def create_app(context: Context, parts: tuple[Part, ...] = PARTS) -> FastAPI:
    """The ASGI application over an opened context; ``parts`` run as long as it does."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for part in parts:
                await stack.enter_async_context(part(context))
            try:
                yield
            finally:
                context.events.close()

    settings = context.settings
    app = FastAPI(
        title="Trainyard",
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=f"{settings.api_path}/openapi.json",
        max_body_size=bodies.LARGEST_BODY,
        dependencies=[Depends(bodies.must_be_text)],
    )
    measurements = Measurements()
    app.state.context, app.state.measurements = context, measurements
    errors.install(app)
    # in front: a request that fits none of the 200 routes has FastAPI build them all, 0.2 s in the event loop
    system.mount_docs(app, settings.base_path)
    for router in ROUTERS:
        # one router around them all would match every route once more for each request
        app.include_router(router, prefix=settings.api_path)
    app.include_router(oauth.router, prefix=settings.base_path)
    app.add_middleware(Observer, measurements=measurements)
    return app
