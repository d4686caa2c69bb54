"""What an administrator may set about bytes on the volume; prefix ``TRAINYARD_SERVICE_``, see docs/settings.md."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class DiskSettings(BaseSettings):
    """How often shares and homes are measured, and how long what belongs to nobody is kept. Minutes, hours, days."""

    model_config = SettingsConfigDict(env_prefix="TRAINYARD_SERVICE_", frozen=True)

    measure_minutes: float = Field(default=10, gt=0)
    orphan_hours: float = Field(default=24, gt=0)
    removed_days: float = Field(default=30, ge=0)
