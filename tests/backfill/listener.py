from __future__ import annotations


class Listener:
    def __init__(self) -> None:
        self.total, self.outcomes, self.ticks = 0, [], 0

    def begin(self, total: int) -> None:
        self.total = total

    def advance(self, *, failed: bool) -> None:
        self.outcomes.append(failed)

    def tick(self) -> None:
        self.ticks += 1
