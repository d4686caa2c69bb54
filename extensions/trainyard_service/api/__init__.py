"""The REST endpoints, one router a subject; ``ROUTERS`` is what the application serves."""

from __future__ import annotations

from fastapi import APIRouter

from trainyard_service.api import stream, system

ROUTERS: tuple[APIRouter, ...] = (system.router, stream.router)
