"""The bound on memory: never exceeded, and everybody gets a share in the end."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait

from hypothesis import given, settings
from hypothesis import strategies as st

from fanlight.budget import Budget

LIMIT, PATIENCE = 10, 20


def started(budget: Budget, size: int, order: list[int]) -> threading.Thread:
    """Takes its bytes and gives them back, on a thread that no test can be kept waiting by."""

    def take() -> None:
        with budget.share() as share:
            share.take(size)
            order.append(size)

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    return thread


def waiting(budget: Budget, count: int) -> bool:
    """Whether so many wait for their bytes before long."""
    for _ in range(5000):
        if budget.waiting == count:
            return True
        time.sleep(0.001)
    return False


def test_a_large_image_is_not_passed_over() -> None:
    """Who came first is first served, though what came later would fit at once."""
    budget, order = Budget(LIMIT), list[int]()

    budget.take(6)
    large = started(budget, 9, order)
    assert waiting(budget, 1)
    small = started(budget, 1, order)
    assert waiting(budget, 2)
    budget.give_back(6)
    large.join(PATIENCE)
    small.join(PATIENCE)

    assert order == [9, 1]


def test_one_larger_than_all_of_it_is_alone() -> None:
    """It is not refused, and while it is there nothing else is."""
    budget, order = Budget(LIMIT), list[int]()

    started(budget, LIMIT + 5, order).join(PATIENCE)
    assert order == [LIMIT + 5]
    budget.take(LIMIT + 5)
    other = started(budget, 1, order)
    assert waiting(budget, 1)
    budget.give_back(LIMIT + 5)
    other.join(PATIENCE)

    assert order == [LIMIT + 5, 1]


class Watched(Budget):
    """Notes the most that was held at a time, and by how many."""

    def __init__(self) -> None:
        super().__init__(LIMIT)
        self.held: list[int] = []
        self.faults: list[list[int]] = []
        self._looks = threading.Lock()

    def use(self, sizes: list[int]) -> None:
        """As one image has it that is read several times."""
        with self.share() as share:
            for size in sizes:
                share.take(size)
                with self._looks:
                    self.held.append(size)
                    if sum(self.held) > LIMIT and len(self.held) > 1:
                        self.faults.append(list(self.held))
                with self._looks:
                    self.held.remove(size)


@settings(deadline=None)
@given(
    images=st.lists(st.lists(st.integers(0, 15), min_size=1, max_size=3), max_size=20),
    threads=st.integers(1, 8),
)
def test_the_bound_holds_and_nobody_waits_for_ever(images: list[list[int]], threads: int) -> None:
    """Whatever the sizes: within the limit, or one alone that is larger; and all come to an end."""
    budget = Watched()

    with ThreadPoolExecutor(threads) as pool:
        done = [pool.submit(budget.use, sizes) for sizes in images]
        assert wait(done, timeout=60).not_done == set()

    for one in done:
        one.result()
    assert (budget.faults, budget.used) == ([], 0)
