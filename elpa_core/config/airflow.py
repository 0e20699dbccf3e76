"""The optional ``airflow`` objects of a config, checked without Airflow."""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from collections.abc import Callable
from typing import Annotated, Any, Literal

from croniter import CroniterError, croniter
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from elpa_core.config.notifications import Notification
from elpa_core.config.types import airflow_key
from elpa_core.errors import quoted
from elpa_core.files.location import is_uri, uri_problem
from elpa_core.schema.problems import expected
from elpa_core.times import parse_date

# In these years, no timezone and no data interval exceeds the range of datetime.
_YEARS = range(1900, 2200)
_CRON_FIELDS = 5
# croniter evaluates random and hashed fields differently at each parse.
_RANDOM_FIELD = re.compile(r"(?<![A-Za-z])[HhRr](?![A-Za-z])")
# Limits of Airflow's database and serialization.
_LONGEST_URI = 1500
_MAX_INT = 2**31 - 1
DEFAULT_START_DATE = "2000-01-01T00:00:00+00:00"
"""The start of a Dag that has a schedule and no start_date: without catchup, any past date works."""
NO_RETRY_EXIT_CODES = (126, 127)
"""The default of no_retry_exit_codes: bash cannot execute the program, or does not find it."""
CRON_PRESETS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@quarterly": "0 0 1 */3 *",
    "@yearly": "0 0 1 1 *",
}
"""The cron expression of each preset, as Airflow has it."""


def _checked(check: Callable[[str], bool], words: str) -> AfterValidator:
    def validate(value: str) -> str:
        if not check(value):
            raise expected(words)
        return value

    return AfterValidator(validate)


def _store_location(value: str) -> str:
    if is_uri(value) and (problem := uri_problem(value)):
        raise expected(problem[1], found=problem[0])
    return value


def _is_folder(value: str) -> bool:
    return value not in {".", ".."}


def _is_asset_uri(value: str) -> bool:
    plain = value.isascii() and value.isprintable() and " " not in value and 0 < len(value) <= _LONGEST_URI
    return plain and not value.lower().startswith("airflow:")


def _is_date(value: str) -> bool:
    try:
        year = dt.datetime.fromisoformat(value).year
    except ValueError:
        return False
    return year in _YEARS


def _is_timezone(value: str) -> bool:
    try:
        zoneinfo.ZoneInfo(value)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        return False
    return True


def _is_cron(value: str) -> bool:
    """Tell whether a schedule ever fires: a preset, or five fields that match some moment."""
    if value.startswith("@"):
        return value in CRON_PRESETS
    if len(value.split()) != _CRON_FIELDS or _RANDOM_FIELD.search(value):
        return False
    try:
        croniter(value, dt.datetime(2026, 1, 1, tzinfo=dt.UTC)).get_next()
    except CroniterError:
        return False
    return True


NonBlank = Annotated[str, _checked(lambda value: bool(value.strip()), "text that is not blank")]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False, le=10 * 365 * 86_400)]
ExitCode = Annotated[int, Field(ge=1, le=255)]
IsoDate = Annotated[
    str,
    _checked(
        _is_date,
        "a date in ISO 8601 of the years 1900 to 2199, such as 2026-01-31 or 2026-01-31T06:00:00+00:00",
    ),
]
Timezone = Annotated[str, _checked(_is_timezone, 'an IANA timezone, such as "UTC" or "Europe/Berlin"')]
Schedule = Annotated[
    str,
    _checked(
        lambda value: value == "@once" or _is_cron(value),
        "a cron expression of five fields, one of @once, @hourly, @daily, @weekly, @monthly, @quarterly,"
        " @yearly, or null",
    ),
]
CronSchedule = Annotated[
    str,
    _checked(
        _is_cron,
        "a cron expression of five fields, one of @hourly, @daily, @weekly, @monthly, @quarterly, @yearly,"
        " or null",
    ),
]
AssetUri = Annotated[
    str,
    _checked(_is_asset_uri, "the URI of an asset: ASCII, no spaces, at most 1500 characters, no airflow:"),
]
DagId = Annotated[str, AfterValidator(airflow_key), _checked(_is_folder, "an id that can be a folder")]
StoreLocation = Annotated[NonBlank, AfterValidator(_store_location)]
Tag = Annotated[NonBlank, Field(max_length=100)]


class _Options(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ModelRunOptions(_Options):
    """Options of a model's task; at the top of a config, the defaults of all models."""

    retries: int | None = Field(
        default=None, ge=0, le=100, description="Number of retries of a failed task; default 1."
    )
    retry_delay: Seconds | None = Field(
        default=None, description="Seconds between two attempts; default: Airflow's own."
    )
    no_retry_exit_codes: Annotated[tuple[ExitCode, ...], Field(strict=False)] | None = Field(
        default=None,
        description="Exit codes of the command after which the task fails without another try; default"
        " 126 and 127, of a program that cannot be executed or is not found.",
    )
    execution_timeout: Annotated[float, Field(gt=0, allow_inf_nan=False, le=10 * 365 * 86_400)] | None = (
        Field(default=None, description="Seconds after which the command is stopped and the task fails.")
    )
    stop_grace: Seconds | None = Field(
        default=None,
        description="Seconds between SIGTERM and SIGKILL when a command is stopped; default 3.",
    )
    max_log_lines: int | None = Field(
        default=None,
        ge=0,
        le=_MAX_INT,
        description="Number of lines of a command's output that its task's log takes, at most 2 MiB; default"
        " 20000. All output is in `models/NAME/output.log` of the run if it is more.",
    )
    pool: NonBlank | None = Field(default=None, description="Airflow pool in which the task takes slots.")
    pool_slots: int | None = Field(
        default=None, ge=1, le=_MAX_INT, description="Number of slots that the task takes in its pool."
    )
    max_active_tis_per_dag: int | None = Field(
        default=None,
        ge=1,
        le=_MAX_INT,
        description="Largest number of simultaneous tasks of this model, over all runs of the Dag.",
    )
    queue: NonBlank | None = Field(default=None, description="Queue whose workers run the task.")
    executor: NonBlank | None = Field(
        default=None, description="Which of Airflow's executors runs the task; default: Airflow's first."
    )
    pod_override: dict[str, Any] | None = Field(
        default=None,
        description="Pod as Kubernetes writes it, over the template of the Kubernetes executor; the first"
        " container is `base`.",
    )
    priority_weight: int | None = Field(
        default=None, ge=-_MAX_INT, le=_MAX_INT, description="Priority of the task in its pool."
    )

    def over(self, top: ModelRunOptions) -> ModelRunOptions:
        """Return these options, completed with those of ``top``."""
        if not self.model_fields_set:
            return top
        values = {name: getattr(top, name) for name in ModelRunOptions.model_fields}
        values.update({name: value for name in values if (value := getattr(self, name)) is not None})
        return ModelRunOptions.model_construct(**values)


class Promotion(_Options):
    """The condition for publishing a policy."""

    max_score_increase: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        description="Largest increase, as a fraction, of a group's best score over that of the current"
        " policy; a policy above it is recorded, not published."
    )


class DagRunOptions(ModelRunOptions):
    """Options of a config's Dag."""

    dag_id: DagId | None = Field(
        default=None, description="Id of the Dag; default: `elpa_` and the file's name without its suffix."
    )
    schedule: Schedule | None = Field(
        default=None, description="Cron expression or preset; null: the Dag runs only when it is triggered."
    )
    assets: tuple[AssetUri, ...] = Field(
        default=(),
        strict=False,
        description="URIs of assets, instead of a schedule: a run starts after an update of all of them.",
    )
    offline_schedule: CronSchedule | None = Field(
        default=None,
        description="Cron expression or preset at which the offline models train; the runs between carry"
        " their artifacts forward.",
    )
    timezone: Timezone = Field(
        default="UTC", description="Timezone of the schedule and of dates without a UTC offset."
    )
    start_date: IsoDate | None = Field(
        default=None, description="Start of the first data interval; required for catchup."
    )
    end_date: IsoDate | None = Field(default=None, description="Latest start of a data interval.")
    catchup: bool = Field(default=False, description="Whether Airflow runs missed data intervals.")
    max_active_runs: int | None = Field(
        default=None, ge=1, le=_MAX_INT, description="Largest number of simultaneous runs of the Dag."
    )
    max_active_tasks: int | None = Field(
        default=None, ge=1, le=_MAX_INT, description="Largest number of simultaneous tasks of a run."
    )
    tags: tuple[Tag, ...] = Field(
        default=(), strict=False, description="Tags of the Dag, in addition to `elpa`."
    )
    description: str | None = Field(
        default=None, description="Description of the Dag in the list of Dags, one line."
    )
    owner: NonBlank | None = Field(default=None, description="Owner of the tasks.")
    free_text: tuple[NonBlank, ...] = Field(
        default=(),
        strict=False,
        description="Names of `context` entries and data sets that accept any text at the start of a"
        " run; the others accept letters, digits, spaces and `_ . , : ; @ % + = / -`.",
    )
    store: StoreLocation | None = Field(
        default=None,
        description="Policy store: a folder, relative to the config's folder, or a URI such as"
        " `s3://CONNECTION@bucket/prefix`.",
    )
    on_model_failure: Literal["fail", "continue"] = Field(
        default="fail", description="Whether a run writes a policy if an enabled model has failed."
    )
    promotion: Promotion | None = Field(
        default=None, description="Condition for publishing a policy automatically."
    )
    notify: tuple[Notification, ...] = Field(
        default=(), strict=False, description="Who is told what became of a run."
    )
    keep_runs: int | None = Field(
        default=None, ge=1, description="Number of run folders that pruning keeps; null: all."
    )
    min_models_per_group: int = Field(
        default=1,
        ge=1,
        description="Models that each group needs for a policy if `on_model_failure` is `continue`.",
    )


def cross_field_problems(options: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return (field, found, expected) of each field that conflicts with another one."""
    problems = []
    if options.get("catchup") is True and not options.get("start_date"):
        problems.append(("start_date", "nothing", "the date from which catchup runs missed data intervals"))
    if options.get("schedule") == "@once" and not options.get("start_date"):
        problems.append(("start_date", "nothing", "the moment of the one run"))
    if options.get("schedule") and options.get("assets"):
        problems.append(("assets", "assets beside a schedule", "one of the two"))
    if options.get("offline_schedule") and not (options.get("schedule") or options.get("assets")):
        problems.append(
            ("schedule", "nothing", "the schedule of the runs that offline_schedule chooses from")
        )
    return problems + _runs_never(options)


def _runs_never(options: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return the problem of dates between which there is no run; other checks report bad dates."""
    start, end, zone = options.get("start_date"), options.get("end_date"), options.get("timezone", "UTC")
    schedule = options.get("schedule")
    if start is None and isinstance(schedule, str):
        start = DEFAULT_START_DATE
    if not (isinstance(start, str) and isinstance(end, str) and isinstance(zone, str)):
        return []
    if not (_is_date(start) and _is_date(end) and _is_timezone(zone)):
        return []
    first, last = parse_date(start, zone), parse_date(end, zone)
    if first > last:
        given = options.get("start_date") or f"{DEFAULT_START_DATE}, where none is given"
        return [("end_date", quoted(end), f"a date that is not before start_date ({given})")]
    if isinstance(schedule, str) and schedule != "@once" and _is_cron(schedule):
        before = first.astimezone(zoneinfo.ZoneInfo(zone)) - dt.timedelta(microseconds=1)
        tick = croniter(CRON_PRESETS.get(schedule, schedule), before).get_next(dt.datetime)
        if tick > last:
            found = f"{quoted(end)}, and no tick of the schedule from start_date on"
            return [
                ("end_date", found, "a date at or after the first tick, the start of the first run's data")
            ]
    return []
