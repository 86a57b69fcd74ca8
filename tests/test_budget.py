"""The bound on memory: never exceeded, and everybody gets a share in the end."""

import threading
from concurrent.futures import ThreadPoolExecutor, wait

from hypothesis import given, settings
from hypothesis import strategies as st

from fanlight.budget import Budget

LIMIT = 10


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


def test_a_large_image_is_not_passed_over() -> None:
    """Who came first is first served, though what came later would fit at once."""
    budget, order = Budget(LIMIT), []
    waits = threading.Event()

    def take(size: int) -> None:
        with budget.share() as share:
            share.take(size)
            order.append(size)

    budget.take(6)
    large, small = (threading.Thread(target=take, args=(size,)) for size in (9, 1))
    large.start()
    while budget.waiting < 1:
        waits.wait(0.001)
    small.start()
    while budget.waiting < 2:
        waits.wait(0.001)
    assert order == []
    budget.give_back(6)
    large.join()
    small.join()

    assert order == [9, 1]


def test_one_larger_than_all_of_it_is_alone() -> None:
    """It is not refused, and while it is there nothing else is."""
    budget = Budget(LIMIT)
    budget.take(LIMIT + 5)
    other = threading.Thread(target=budget.take, args=(1,))
    other.start()

    other.join(0.05)
    assert (other.is_alive(), budget.used) == (True, LIMIT + 5)
    budget.give_back(LIMIT + 5)
    other.join()

    assert budget.used == 1
