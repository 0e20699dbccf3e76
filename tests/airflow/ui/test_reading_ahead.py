"""Many stores are read at once, and one that does not answer keeps nobody waiting."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event, active_count

import pytest
from support.airflow_runs import eventually

from elpa_airflow.ui.reading_ahead import Place, ReadingAhead

LONG = 60.0


class Stores:
    """Stores, of which `slow` answers when it is let go, and `bad` never as it should."""

    def __init__(self) -> None:
        self.go = Event()
        self.asked: list[Place] = []
        self.ahead = ReadingAhead(self.read)

    def read(self, place: Place) -> str:
        self.asked.append(place)
        if place.store == "slow":
            self.go.wait(LONG)
        if place.store == "bad":
            raise LookupError(place.dag_id)
        return f"policies of {place.dag_id}"


@pytest.fixture
def stores() -> Iterator[Stores]:
    made = Stores()
    yield made
    made.go.set()


def test_what_is_late_is_read_on_and_given_to_who_asks_again(stores):
    slow, quick = Place("slow", "a"), Place("quick", "b")
    assert stores.ahead.get([slow], 0) == {}
    assert stores.ahead.get([quick], LONG) == {quick: "policies of b"}
    assert stores.ahead.get([slow], 0) == {}
    stores.go.set()
    found = stores.ahead.get([slow, quick], LONG, again=True)
    assert found == {slow: "policies of a", quick: "policies of b"}
    assert stores.asked.count(slow) == 1


def test_who_asks_first_gets_nothing_old(stores):
    slow, before = Place("slow", "a"), active_count()
    assert stores.ahead.get([slow], 0) == {}
    stores.go.set()
    eventually(lambda: active_count() == before, "the read has ended")
    assert stores.ahead.get([slow], LONG) == {slow: "policies of a"}
    assert stores.asked == [slow, slow]


def test_what_was_given_is_read_anew(stores):
    quick = Place("quick", "a")
    for _ in range(2):
        assert stores.ahead.get([quick], LONG) == {quick: "policies of a"}
    assert stores.asked == [quick, quick]


def test_many_dags_of_a_store_that_does_not_answer_leave_room_for_others(stores):
    assert stores.ahead.get([Place("slow", str(number)) for number in range(100)], 0) == {}
    quick = Place("quick", "b")
    assert stores.ahead.get([quick], LONG) == {quick: "policies of b"}
    assert len(stores.asked) < 30


def test_who_asks_gets_the_error_and_the_next_one_a_new_try(stores):
    bad = Place("bad", "a")
    for _ in range(2):
        with pytest.raises(LookupError, match="a"):
            stores.ahead.get([bad], LONG)
    assert stores.asked == [bad, bad]
