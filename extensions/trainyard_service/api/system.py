"""Health, measurements and the OpenAPI page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import fastapi_offline
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text
from trainyard.errors import NotFound
from trainyard.words import N_

from trainyard_service.context import ContextDep
from trainyard_service.gauges import PlatformState
from trainyard_service.identity import came_through_proxy
from trainyard_service.jobs.part import EngineDep

router = APIRouter(tags=["system"])
_ASSETS = Path(fastapi_offline.__file__).parent / "static"
# swagger-ui's page has one inline script and loads pictures as data
_DOCS_POLICY = "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"


def local_only(request: Request) -> None:
    """Health and measurements are for this machine: through the proxy they are not there."""
    if came_through_proxy(request):
        raise NotFound("no-such-address", N_("There is nothing at {path}."), path=request.url.path)


Local = Annotated[None, Depends(local_only)]


@router.get("/health")
def health(context: ContextDep, _: Local) -> dict[str, str]:
    """Answers when the database does."""
    with context.database.read() as session:
        session.execute(text("SELECT 1"))
    return {"status": "ok"}


@router.get("/metrics", include_in_schema=False)
def metrics(request: Request, context: ContextDep, engine: EngineDep, _: Local) -> Response:
    """Prometheus' text format."""
    measured = generate_latest(request.app.state.measurements.registry)
    state = generate_latest(PlatformState(context, engine.ledger.capacity))
    return Response(measured + state, media_type=CONTENT_TYPE_LATEST)


def mount_docs(app: FastAPI, base_path: str) -> None:
    """The OpenAPI page at ``<base>/api/docs`` with assets from the fastapi-offline package: nothing from a CDN."""
    assets, page_path = f"{base_path}/api/assets", f"{base_path}/api/docs"
    app.mount(assets, StaticFiles(directory=_ASSETS), name="docs-assets")

    @app.get(f"{base_path}/", include_in_schema=False)
    async def root() -> RedirectResponse:
        """What the Hub asks once a minute, to see whether the service is there."""
        return RedirectResponse(page_path)

    @app.get(page_path, include_in_schema=False)
    def docs() -> HTMLResponse:
        page = get_swagger_ui_html(
            openapi_url=str(app.openapi_url),
            title="Trainyard API",
            swagger_js_url=f"{assets}/swagger-ui-bundle.js",
            swagger_css_url=f"{assets}/swagger-ui.css",
            swagger_favicon_url=f"{assets}/favicon.png",
        )
        page.headers["Content-Security-Policy"] = _DOCS_POLICY
        return page
