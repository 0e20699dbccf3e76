"""The ``airflow`` objects of a config, checked without Airflow. Under 1 s."""

import pytest
from pydantic_core import PydanticCustomError
from support.pools import block, pool

from elpa_core.config.types import airflow_key
from elpa_core.errors import ConfigError
from elpa_core.times import parse_date

SECONDS = ["execution_timeout", "stop_grace", "retry_delay"]
GOOD_TOP = [
    {"dag_id": "my.dag-1_x", "tags": ["a", "b"], "description": "", "owner": "me", "store": "../store"},
    {"schedule": "0 6 * * *", "timezone": "Europe/Berlin", "start_date": "2026-01-31", "catchup": True},
    {"schedule": "@daily", "start_date": "2026-01-31T06:00:00+02:00", "end_date": "2027-01-01"},
    {"schedule": None, "start_date": None, "max_active_runs": 1, "max_active_tasks": 16},
    {"on_model_failure": "continue", "min_models_per_group": 2},
]
GOOD_MODEL = {
    "retries": 0,
    "retry_delay": 0.5,
    "execution_timeout": 3600,
    "stop_grace": 0,
    "max_log_lines": 0,
    "pool": "gpu",
    "pool_slots": 2,
    "max_active_tis_per_dag": 1,
    "queue": "heavy",
    "executor": "KubernetesExecutor",
    "pod_override": {"spec": {"containers": [{"image": "trainer:7"}]}},
    "priority_weight": -3,
    "no_retry_exit_codes": (2, 126),
}


@pytest.mark.parametrize("options", GOOD_TOP)
def test_good_options_are_kept(load, options):
    airflow = load(pool(airflow={**GOOD_MODEL, **options})).config.airflow
    found = {name: getattr(airflow, name) for name in options}
    assert {name: list(v) if isinstance(v, tuple) else v for name, v in found.items()} == options


def test_the_options_of_a_model_are_kept(load):
    options = load(pool(block(airflow=GOOD_MODEL))).config.models[0].airflow
    assert options.model_dump() == GOOD_MODEL


def test_the_model_wins_over_the_top(load):
    config = load(
        pool(block(airflow={"retries": 0, "pool": "own"}), airflow={"retries": 5, "queue": "q"})
    ).config
    run = config.models[0].airflow.over(config.airflow)
    assert (run.retries, run.pool, run.queue, run.stop_grace) == (0, "own", "q", None)


@pytest.mark.parametrize(
    ("codes", "place", "expected"),
    [
        ([0], "[0]", "a number of at least 1"),
        ([2, 256], "[1]", "a number of at most 255"),
        ([True], "[0]", "an integer"),
    ],
)
def test_exit_codes_are_those_of_a_shell(load, codes, place, expected):
    with pytest.raises(ConfigError) as caught:
        load(pool(airflow={"no_retry_exit_codes": codes}))
    (problem,) = caught.value.problems
    assert problem.place == f"$.airflow.no_retry_exit_codes{place}"
    assert problem.expected == expected


ISO_DATE = "a date in ISO 8601 of the years 1900 to 2199, such as 2026-01-31 or 2026-01-31T06:00:00+00:00"
BAD = [
    *((name, value, expected) for name in SECONDS for value, expected in (
        (-1, "a number greater than 0.0" if name == "execution_timeout" else "a number of at least 0.0"),
        ("60", "a number"),
        (1e10, "a number of at most 315360000.0"),
    )),
    ("execution_timeout", 0, "a number greater than 0.0"),
    ("no_retry_exit_codes", 126, "an array"),
    ("retries", -1, "a number of at least 0"),
    ("max_log_lines", -1, "a number of at least 0"),
    ("max_log_lines", 2**31, "a number of at most 2147483647"),
    ("max_log_lines", 1.5, "an integer"),
    ("retries", 101, "a number of at most 100"),
    ("retries", 1.5, "an integer"),
    ("pool_slots", 0, "a number of at least 1"),
    ("pool", " ", "text that is not blank"),
    ("queue", "", "text that is not blank"),
    ("executor", " ", "text that is not blank"),
    ("pod_override", "trainer:7", "an object"),
    ("max_active_tis_per_dag", 0, "a number of at least 1"),
    ("priority_weight", "high", "an integer"),
]  # fmt: skip
BAD_TOP = [
    ("dag_id", "a b", "1 to 250 letters, digits, dashes, dots and underscores"),
    ("dag_id", "a" * 251, "1 to 250 letters, digits, dashes, dots and underscores"),
    *(("schedule", value, "a cron expression of five fields, one of @once, @hourly, @daily, @weekly,"
       " @monthly, @quarterly, @yearly, or null")
      for value in ("daily", "@continuous", "@never", "* * * *", "")),
    *(("timezone", value, 'an IANA timezone, such as "UTC" or "Europe/Berlin"')
      for value in ("Mars", "", "../../etc/passwd", "/etc/passwd", "a\0b", "Europe")),
    *(("start_date", value, ISO_DATE)
      for value in ("31.1.2026", "2026-02-30", "", "now")),
    ("max_active_runs", 0, "a number of at least 1"),
    ("max_active_tasks", True, "an integer"),
    ("min_models_per_group", 0, "a number of at least 1"),
    ("on_model_failure", "ignore", '"fail" or "continue"'),
    ("catchup", "yes", "true or false"),
    ("tags", "x", "an array"),
    ("store", "", "text that is not blank"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "expected"), [*BAD, *BAD_TOP])
def test_bad_options_at_the_top_are_refused(load, name, value, expected):
    with pytest.raises(ConfigError) as caught:
        load(pool(airflow={name: value}))
    (problem,) = caught.value.problems
    assert (problem.place, problem.expected) == (f"$.airflow.{name}", expected)


@pytest.mark.parametrize(("name", "value", "expected"), BAD)
def test_bad_options_of_a_model_are_refused(load, name, value, expected):
    with pytest.raises(ConfigError) as caught:
        load(pool(block(airflow={name: value})))
    (problem,) = caught.value.problems
    assert (problem.place, problem.expected) == (f"$.models[0].airflow.{name}", expected)


CONNECTION = "the id of an Airflow connection before the @, which holds the credentials"
STORES = "a folder, file:///folder, s3://bucket/prefix or gs://bucket/prefix"


@pytest.mark.parametrize(
    ("uri", "found", "expected"),
    [
        ("s4://bucket/elpa", '"s4://"', STORES),
        ("S3:bucket", None, None),
        ("s3:///elpa", '"s3:///elpa"', "the name of a bucket, such as s3://bucket/prefix"),
        (
            "s3://a:b@c/d",
            '"s3://***@c/d"',
            "the id of an Airflow connection before the @, which holds the credentials",
        ),
        ("s3://b/a/../c", '"s3://b/a/../c"', "a prefix without . and .. and empty parts"),
        ("s3://b/a*", '"s3://b/a*"', "no * ? [ ] # and no control character in the URI of a store"),
        ("file://host/a", '"file://host/a"', "file:/// and an absolute path"),
        ("file:a", None, None),
    ],
)
def test_a_uri_where_no_store_can_be_is_refused(load, uri, found, expected):
    config = pool(airflow={"store": uri})
    if found is None:  # a folder of this name
        assert load(config).config.airflow.store == uri
        return
    with pytest.raises(ConfigError) as caught:
        load(config)
    (problem,) = caught.value.problems
    assert (problem.place, problem.found, problem.expected) == ("$.airflow.store", found, expected)


def test_an_option_of_the_dag_is_none_of_a_model(load):
    with pytest.raises(ConfigError, match=r"\$\.models\[0\]\.airflow\.schedule: found an unknown field"):
        load(pool(block(airflow={"schedule": "@daily"})))


def test_catchup_needs_a_start_date(load):
    with pytest.raises(
        ConfigError, match=r"\$\.airflow\.start_date: found nothing; expected the date from which"
    ):
        load(pool(airflow={"catchup": True}))


@pytest.mark.parametrize("key", ["", "a b", "a/b", "a\n", "a:b", "x" * 251])
def test_keys_that_airflow_refuses(key):
    with pytest.raises(PydanticCustomError):
        airflow_key(key)


@pytest.mark.parametrize(
    ("text", "timezone", "moment"),
    [
        ("2026-01-31", "UTC", "2026-01-31T00:00:00+00:00"),
        ("2026-07-01T06:00", "Europe/Berlin", "2026-07-01T06:00:00+02:00"),
        ("2026-01-31T06:00:00Z", "Europe/Berlin", "2026-01-31T06:00:00+00:00"),
        ("2026-01-31T06:00:00+05:30", "UTC", "2026-01-31T06:00:00+05:30"),
    ],
)
def test_a_date_without_an_offset_is_in_the_timezone(text, timezone, moment):
    assert parse_date(text, timezone).isoformat() == moment


@pytest.mark.parametrize("uri", ["", "a b", "é://ü", "airflow://x", "AIRFLOW://x", "x://" + "y" * 1500])
def test_what_can_be_no_asset_is_refused(load, uri):
    with pytest.raises(ConfigError) as caught:
        load(pool(airflow={"assets": [uri]}))
    assert [problem.place for problem in caught.value.problems] == ["$.airflow.assets[0]"]


@pytest.mark.parametrize(
    "options",
    [
        {"schedule": "@daily", "start_date": "2026-06-01", "end_date": "2026-05-01"},
        {"start_date": "2026-06-01", "end_date": "2026-05-01"},
        {"schedule": "@once", "start_date": "2026-06-01", "end_date": "2026-05-31T23:59:59"},
        {"schedule": "@daily", "end_date": "1999-12-31"},
        {
            "schedule": "@daily",
            "start_date": "2026-06-01T00:00:00+02:00",
            "end_date": "2026-05-31T21:00:00+00:00",
        },
        {"schedule": "@monthly", "start_date": "2026-06-02", "end_date": "2026-06-30"},
        {"schedule": "0 6 * * *", "start_date": "2026-06-01", "end_date": "2026-06-01T05:59:00"},
        {"assets": ["s3://b/k"], "start_date": "2026-06-01", "end_date": "2026-05-01"},
    ],
)
def test_dates_between_which_nothing_runs_are_refused(load, options):
    with pytest.raises(ConfigError) as caught:
        load(pool(airflow=options))
    assert [problem.place for problem in caught.value.problems] == ["$.airflow.end_date"]


@pytest.mark.parametrize(
    "options",
    [
        {"schedule": "@daily", "start_date": "2026-06-01", "end_date": "2026-06-01"},
        {"schedule": "@monthly", "start_date": "2026-06-01", "end_date": "2026-06-01"},
        {"schedule": "@monthly", "start_date": "2026-06-02", "end_date": "2026-07-01"},
        {"schedule": "@daily", "start_date": "2026-06-01T00:00:00+02:00", "end_date": "2026-06-01"},
        {"schedule": "@once", "start_date": "2026-06-01", "end_date": "2026-06-01"},
        {"schedule": "0 6 * * *", "start_date": "2026-06-01", "end_date": "2026-06-01T06:00:00"},
        {
            "schedule": "@daily",
            "timezone": "Europe/Berlin",
            "start_date": "2026-06-01",
            "end_date": "2026-06-01",
        },
        {"start_date": "2026-06-01"},
        {"end_date": "1999-12-31"},
        {"schedule": "@daily", "end_date": "2000-01-01"},
    ],
)
def test_dates_between_which_something_runs_are_taken(load, options):
    load(pool(airflow=options))


def test_dates_that_are_none_are_one_problem_each(load):
    with pytest.raises(ConfigError) as caught:
        load(pool(airflow={"schedule": "x", "start_date": "soon", "end_date": 3, "timezone": "Mars"}))
    assert len(caught.value.problems) == 4
