"""Whether enough models ended well for a policy. Under 1 s."""

import pytest

from elpa_core.config.airflow import DagRunOptions
from elpa_core.policy.quorum import NoPolicyError, require_quorum
from elpa_core.schema.policy import MissingModel

GOOD = ["online", "online", "offline"]


def failed(name, group="online"):
    return MissingModel(name=name, group=group, reason=f"exit code of {name}", intended=False)


def left_out(name, group="online"):
    return MissingModel(name=name, group=group, reason="disabled", intended=True)


def refusal(scored, missing, **options):
    with pytest.raises(NoPolicyError) as error:
        require_quorum(scored, missing, DagRunOptions(**options))
    return str(error.value)


@pytest.mark.parametrize("options", [{}, {"min_models_per_group": 1, "on_model_failure": "fail"}])
@pytest.mark.parametrize("missing", [[], [left_out("x"), left_out("y", "offline")]])
def test_a_pool_that_lost_no_model_has_its_quorum(missing, options):
    require_quorum(GOOD, missing, DagRunOptions(**options))


def test_each_failed_model_refuses_a_policy_and_is_named_in_order():
    assert refusal(GOOD, [failed("x"), left_out("y"), failed("z", "offline")]) == (
        "no policy: online model x (exit code of x); offline model z (exit code of z);"
        " on_model_failure is fail, so each enabled model has to end well"
    )


def test_under_continue_failed_models_may_be_missing():
    missing = [failed("x"), failed("z", "offline")]
    require_quorum(GOOD, missing, DagRunOptions(on_model_failure="continue"))
    require_quorum(GOOD[1:], missing, DagRunOptions(on_model_failure="continue", min_models_per_group=1))


@pytest.mark.parametrize("on_model_failure", ["fail", "continue"])
def test_models_that_were_left_out_do_not_count_for_their_group(on_model_failure):
    missing = [left_out("x"), left_out("y", "offline")]
    assert refusal(GOOD[:2], missing, on_model_failure=on_model_failure) == (
        "no policy: 0 offline models, min_models_per_group is 1; missing: offline model y (disabled)"
    )


def test_each_group_needs_its_models_and_the_missing_ones_of_that_group_are_named():
    missing = [failed("x"), failed("y", "offline"), left_out("z", "offline")]
    assert refusal(GOOD, missing, on_model_failure="continue", min_models_per_group=2) == (
        "no policy: 1 offline model, min_models_per_group is 2;"
        " missing: offline model y (exit code of y); offline model z (disabled)"
    )
    require_quorum(
        [*GOOD, "offline"],
        missing,
        DagRunOptions(on_model_failure="continue", min_models_per_group=2),
    )


def test_a_config_without_more_models_is_told_so():
    assert refusal(GOOD, [], min_models_per_group=2) == (
        "no policy: 1 offline model, min_models_per_group is 2; missing: none, the config has no more"
    )
