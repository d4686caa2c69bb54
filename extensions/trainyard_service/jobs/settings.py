"""What an administrator may set about jobs and workspaces; prefix ``TRAINYARD_SERVICE_``, see docs/settings.md."""

from __future__ import annotations

import psutil
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict
from trainyard.quotas import GIB
from trainyard.records.accounts import Quota


class JobSettings(BaseSettings):
    """Capacity, packages, limits and the image that platform jobs run in. Times in seconds, memory in bytes."""

    model_config = SettingsConfigDict(env_prefix="TRAINYARD_SERVICE_", frozen=True)

    packages: list[str] = [
        "1Core2G",
        "2Core4G",
        "1Core6G",
        "2Core12G",
        "4Core24G",
        "8Core48G",
        "1GPU4Core60G",
        "2GPU8Core120G",
        "4GPU16Core240G",
        "8GPU32Core480G",
    ]
    capacity_cpu: float = Field(default_factory=lambda: float(psutil.cpu_count() or 1), gt=0)
    capacity_memory: int = Field(default_factory=lambda: max(GIB, psutil.virtual_memory().total - 2 * GIB), gt=0)
    newcomers: Quota = Quota(cpu=2, memory=4 * GIB, gpu=0, jobs=2, disk=20 * GIB)
    group_quota: Quota = Quota(cpu=8, memory=32 * GIB, jobs=4, disk=200 * GIB)
    tools_image: str = "workspace"
    tools_package: str = "1Core2G"
    tools_hours: float = Field(default=24, gt=0)
    grace: float = Field(default=30, ge=0)
    training_hours: float = Field(default=72, gt=0)
    dry_run_seconds: float = Field(default=60, gt=0)
    time_warnings: list[float] = [86_400, 7_200, 900]
    workspace_hours: float = Field(default=24, gt=0)
    workspace_warning: float = Field(default=1800, ge=0)
    workspace_idle_hours: float = Field(default=4, ge=0)
    workspace_idle_warning: float = Field(default=1800, ge=0)
    booked_days: float = Field(default=400, ge=31)
    lost_limit: int = Field(default=5, ge=0)
    tick: float = Field(default=5, gt=0)
    whole_tick: float = Field(default=60, gt=0)
    internet: bool = True
    tensorboard_idle: float = Field(default=900, gt=0)
    tensorboard_memory: int = Field(default=GIB, gt=0)
