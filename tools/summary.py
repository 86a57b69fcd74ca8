"""What a run says in the end, to people and to programs."""

import time
from collections import Counter
from dataclasses import dataclass
from typing import IO, Any

from tools.counted import counted
from tools.plan import OLDER
from tools.runs import Run
from tools.saying import say, write
from tools.shown import shown


@dataclass
class Summary:
    """Of one run. `letters`: what became of dead letters; None where nobody looked.

    `function`: whose settings were taken where no option said otherwise; None where there is none.
    `error`: what ended the run before its time.
    `file`: where the JSON goes, which sends the text to standard error if it is standard output.
    """

    run: Run
    source: str
    out: str
    engine: str
    function: str | None = None
    file: IO[str] | None = None
    dry: bool = False
    interrupted: bool = False
    error: str | None = None
    letters: Counter[str] | None = None
    ended: float = 0.0

    def tell(self) -> None:
        """Print it, and write the JSON. The run has ended."""
        self.ended = time.monotonic()
        aside = self.file is not None and self.file.name == "-"
        try:
            for line in self._lines():
                say(line, err=aside)
        finally:
            if self.file is not None:
                write(self.file, self.document())

    def document(self) -> dict[str, Any]:
        """All of it. `to_do` counts by state what was, or would be, worked on."""
        totals, seconds = self.run.totals, self._seconds()
        return {
            "source": self.source,
            "out": self.out,
            "engine": self.engine,
            "function": self.function,
            "recipe": totals.recipe,
            "only": totals.only,
            "sample": self.run.sample,
            "dry_run": self.dry,
            "interrupted": self.interrupted,
            "error": self.error,
            "images": self.images,
            "to_do": dict(sorted(totals.wanted.items())),
            "counts": dict(sorted(totals.counts.items())),
            "older_recipe": totals.other_recipe,
            "dead_letters": None if self.letters is None else dict(sorted(self.letters.items())),
            "seconds": round(seconds, 3),
            "rate": round(totals.worked / seconds, 3) if seconds else None,
        }

    def _seconds(self) -> float:
        return self.ended - self.run.totals.began

    @property
    def images(self) -> int:
        """How many were found, as far as the listing came."""
        totals = self.run.totals
        return sum((totals.counts + totals.wanted if self.dry else totals.counts).values())

    def _lines(self) -> list[str]:
        if self.error and not self.images:
            return []  # the error says it all
        totals, counts, seconds = self.run.totals, self.run.totals.counts, self._seconds()
        parts = counted(counts) or "nothing done"
        if self.dry:
            wanted = sum(totals.wanted.values())
            lines = [f"would do {wanted:,}: {counted(totals.wanted) or 'nothing'}",
                     f"{self.images:,} images in {seconds:.1f} s: {parts}"]  # fmt: skip
        else:
            rate = f", {totals.worked / seconds:,.0f} a second" if totals.worked else ""
            lines = [f"{self.images:,} images in {seconds:.1f} s{rate}: {parts}"]
        if totals.other_recipe:
            lines.append(
                f"{totals.other_recipe:,} of the unchanged are true of their images, but made "
                f"with another model or settings; --only {OLDER} makes them anew"
            )
        others = counts["left"] - totals.unsampled
        if totals.unsampled:
            lines.append(f"{totals.unsampled:,} more are left; run without --sample to do these")
        if others:
            lines.append(f"{others:,} more are missing or stale; run without --only to do these")
        if self.interrupted and self.engine == "fc":
            lines.append("events on their way are finished there; the next run sees to the rest")
        if self.letters:
            lines.append(f"dead letters: {counted(self.letters)}")
        return [*lines, f"results: {shown(self.out)}"]
