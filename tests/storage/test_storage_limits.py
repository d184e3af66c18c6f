"""An account's limits as a table of hours."""

import pytest

from mailwright.storage.limits import Calendar

DAY = 24 * 100  # an hour that starts a day


@pytest.mark.parametrize(
    ("used", "hour", "last", "hour_limit", "day_limit", "found", "because"),
    [
        ({}, DAY, DAY + 9, 1, None, DAY, "nothing was sent yet"),
        ({DAY: 1}, DAY, DAY + 9, 1, None, DAY + 1, "the hour is full"),
        ({DAY: 1, DAY + 1: 1, DAY + 3: 1}, DAY, DAY + 9, 1, None, DAY + 2, "the first gap is taken"),
        ({DAY: 5}, DAY + 1, DAY + 9, 5, None, DAY + 1, "an hour that is past does not count"),
        ({DAY: 5}, DAY + 1, DAY + 99, None, 5, DAY + 24, "but its day does"),
        ({DAY: 5, DAY + 24: 2}, DAY + 1, DAY + 99, 2, 5, DAY + 25, "after a full day a full hour"),
        ({DAY + 20: 3}, DAY, DAY + 99, None, 3, DAY + 24, "what leaves later today counts for today"),
        ({DAY: 9}, DAY, DAY + 9, None, None, DAY, "no limit"),
        ({DAY: 1}, DAY, DAY, 1, None, None, "its time is up before there is room"),
        ({}, DAY, DAY + 99, 0, None, None, "a limit of nothing"),
        ({}, DAY, DAY + 99, None, 0, None, "a limit of nothing a day"),
        ({}, DAY + 5, DAY + 4, 1, None, None, "it is due when its time is up"),
    ],
)
def test_first_hour_with_room(
    used: dict[int, int], hour: int, last: int, hour_limit: int | None, day_limit: int | None, found: int | None, because: str
) -> None:
    assert Calendar(used).first_with_room(hour, last, hour_limit=hour_limit, day_limit=day_limit) == found, because


def test_what_is_added_is_written_back() -> None:
    calendar = Calendar({DAY: 3, DAY + 1: 1})
    calendar.add(DAY)
    calendar.add(DAY + 2)
    assert calendar.hours == {DAY: 4, DAY + 1: 1, DAY + 2: 1}
    assert calendar.changed == {DAY, DAY + 2}
