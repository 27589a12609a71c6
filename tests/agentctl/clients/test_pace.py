"""The pace beside a simulated host, in virtual time: an hour of waiting takes a moment, and every run is the same."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any

import httpx
import pytest

from agentctl.clients.pace import Pace
from agentctl.clients.retry import Retry


class Still(selectors.SelectSelector):
    """Nothing to wait for but the clock, which jumps to the next timer."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise AssertionError("everybody waits, and for nothing")
        self.now += timeout
        return super().select(0)


class Virtual(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.still = Still()
        super().__init__(self.still)

    def time(self) -> float:
        return self.still.now


def run(main: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=Virtual) as runner:
        return runner.run(main)


def now() -> float:
    return asyncio.get_running_loop().time()


class Host:
    """Answers after 50 ms, and refuses what comes while it is busy with `capacity` others."""

    def __init__(self, capacity: int, *, retry_after: str = "") -> None:
        self.capacity = capacity
        self.headers = {"retry-after": retry_after} if retry_after else {}
        self.busy = self.most = self.refused = 0
        self.arrivals: list[tuple[float, int]] = []

    async def __call__(self, name: int = 0) -> httpx.Response:
        self.arrivals.append((now(), name))
        self.busy += 1
        self.most = max(self.most, self.busy)
        try:
            if self.busy > self.capacity:
                self.refused += 1
                return httpx.Response(429, headers=self.headers)
            await asyncio.sleep(0.05)
            return httpx.Response(200)
        finally:
            self.busy -= 1


async def send(host: Host, pace: Pace, name: int = 0) -> int:
    retry = Retry(attempts=20)
    answer = await retry.run(lambda: host(name), what="GET /x", host="h", repeatable=True, turn=pace.turn())
    return answer.status_code


async def all_of(host: Host, pace: Pace, count: int) -> float:
    started = now()
    assert set(await asyncio.gather(*(send(host, pace, name) for name in range(count)))) == {200}
    return now() - started


def test_a_host_that_takes_everything_is_asked_at_full_width_and_never_beyond() -> None:
    host = Host(capacity=1000)
    assert run(all_of(host, Pace(32), 320)) == pytest.approx(10 * 0.05)
    assert host.most == 32


def test_the_pace_settles_at_what_the_host_takes() -> None:
    host = Host(capacity=8)
    took = run(all_of(host, Pace(32), 2000))
    assert host.most <= 32
    # At best 12.5 s, if the capacity were known; without adapting, three of four attempts would be refused.
    assert took < 2000 / 8 * 0.05 * 2
    assert host.refused < 2000 * 0.15


def test_a_burst_of_refusals_narrows_once() -> None:
    async def main() -> tuple[int, int]:
        pace = Pace(32)
        turns = [pace.turn() for _ in range(32)]
        for turn in turns:
            await turn.__aenter__()
        for turn in turns:
            turn.refused()
        for turn in turns:
            await turn.__aexit__(None, None, None)
        once = pace.width
        async with (turn := pace.turn()):
            turn.refused()
        return once, pace.width

    assert run(main()) == (16, 8)


def test_the_width_comes_back_one_by_one_and_ends_at_the_limit() -> None:
    async def main() -> list[int]:
        pace, widths = Pace(4), []
        for _ in range(2):
            async with (turn := pace.turn()):
                turn.refused()
        for _ in range(30):
            async with (turn := pace.turn()):
                turn.went_well()
            widths.append(pace.width)
        return widths

    widths = run(main())
    assert widths == sorted(widths)
    assert widths[0] == 2
    assert widths[-1] == 4
    assert {2, 3, 4} == set(widths)


def test_however_much_is_refused_one_request_may_go() -> None:
    async def main() -> int:
        pace = Pace(32)
        for _ in range(100):
            async with (turn := pace.turn()):
                turn.refused()
        return pace.width

    assert run(main()) == 1


def test_one_answer_with_retry_after_keeps_everybody_away() -> None:
    host = Host(capacity=4, retry_after="7")
    run(all_of(host, Pace(5), 50))
    # Five come at once, the fifth is told to wait: until then nobody comes.
    first = [at for at, _ in host.arrivals if at < 7]
    assert first == [0.0] * 5
    assert min(at for at, _ in host.arrivals if at > 0) == pytest.approx(7)


@pytest.mark.parametrize(("asked", "said"), [((7.0, 7.0, 8.0), [7.0]), ((7.0, 60.0), [7.0, 60.0]), ((1.0,), [])])
def test_a_long_pause_is_said_once_however_many_are_told_of_it(asked: tuple[float, ...], said: list[float]) -> None:
    async def main() -> list[float]:
        heard: list[float] = []
        pace = Pace(3, on_close=heard.append)
        for seconds, turn in [(seconds, pace.turn()) for seconds in asked]:
            turn.refused(seconds)
        async with pace.turn():
            return heard

    assert run(main()) == said


def test_the_longest_time_that_was_named_counts() -> None:
    async def main() -> float:
        pace = Pace(3)
        turns = [pace.turn() for _ in range(3)]
        for turn in turns:
            await turn.__aenter__()
        for turn, seconds in zip(turns, (2.0, 9.0, 4.0), strict=True):
            turn.refused(seconds)
            await turn.__aexit__(None, None, None)
        async with pace.turn():
            return now()

    assert run(main()) == pytest.approx(9)


def test_who_waits_for_its_next_attempt_holds_no_slot() -> None:
    async def main() -> float:
        pace, answers = Pace(1), [httpx.Response(503), httpx.Response(200)]

        async def failing() -> httpx.Response:
            return answers.pop(0)

        slow = asyncio.create_task(Retry().run(failing, what="GET /x", host="h", repeatable=True, turn=pace.turn()))
        await asyncio.sleep(0.1)  # it has failed by now and waits for half a second
        await send(Host(1), pace)
        done = now()
        assert (await slow).status_code == 200
        return done

    assert run(main()) == pytest.approx(0.15)


def test_a_later_attempt_keeps_its_place_in_the_line() -> None:
    async def main() -> list[str]:
        pace, order = Pace(1), list[str]()
        turns = {name: pace.turn() for name in "abc"}

        async def attempts(name: str, count: int) -> None:
            for _ in range(count):
                async with turns[name]:
                    order.append(name)
                    await asyncio.sleep(0.05)

        await asyncio.gather(attempts("a", 2), attempts("b", 1), attempts("c", 1))
        return order

    assert run(main()) == ["a", "b", "a", "c"]


def test_who_gives_up_in_the_line_takes_no_slot_with_it() -> None:
    async def main() -> int:
        pace = Pace(1)
        async with pace.turn():
            waiting = [asyncio.create_task(send(Host(9), pace)) for _ in range(3)]
            await asyncio.sleep(0.01)
            waiting[0].cancel()
        waiting[1].cancel()  # it was given the slot just now
        await asyncio.wait(waiting)
        assert await waiting[2] == 200
        return pace.under_way

    assert run(main()) == 0


def test_a_limit_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Pace(0)
