"""The ledger of claims: what five popular answers say, and what running it says.

The entries stand in ``claims.toml`` beside this module; the experiments that
decide them stand in ``tests/claims/``.
"""

import html
import textwrap
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from . import cards

VERDICTS = ("true", "false", "conditional", "version", "opinion")
VERDICT_WORDS = {
    "true": "true",
    "false": "false",
    "conditional": "true only if …",
    "version": "depends on the version",
    "opinion": "opinion",
}

# Where the same two figures come again and again, the table says once what they are.
ROWS_NOTE = (
    "0.8502 is the true loss of the four fixed rows that the experiments share; "
    "with softmax applied twice it would be 0.9341."
)


@dataclass(frozen=True)
class Document:
    """One of the five question-and-answer documents, cited by title and date."""

    id: str
    title: str
    date: str


@dataclass(frozen=True)
class Claim:
    """One claim and its verdict.

    Attributes
    ----------
    id : str
        ``D<document>-<number>``.
    claim : str
        What the document says (or leaves out), in the course's own words.
    verdict : str
        One of ``VERDICTS``.
    condition : str
        When it holds, where the verdict is conditional or depends on the version.
    evidence : str
        What decides it: figures that an experiment of ``tests/claims/`` reproduces.
    lesson : int
        The lesson that settles it.
    added : bool
        True if the document leaves the claim out or only implies it.
    """

    id: str
    claim: str
    verdict: str
    evidence: str
    lesson: int
    condition: str = ""
    added: bool = False

    def __post_init__(self):
        if self.verdict not in VERDICTS:
            raise ValueError(f"{self.id}: verdict must be one of {VERDICTS}, not {self.verdict!r}")

    @property
    def document(self) -> Document:
        """The document the claim stands in."""
        return documents()[self.id.split("-")[0]]

    @property
    def verdict_text(self) -> str:
        """The verdict in words, with its condition."""
        if self.verdict in ("conditional", "version") and self.condition:
            return f"{VERDICT_WORDS[self.verdict].removesuffix(' …')} {self.condition}"
        return VERDICT_WORDS[self.verdict]


class ClaimTable:
    """A selection of the ledger with a text and an HTML form."""

    def __init__(self, claims: tuple[Claim, ...]):
        self.claims = claims

    def __iter__(self):
        return iter(self.claims)

    def __len__(self):
        return len(self.claims)

    def __repr__(self) -> str:
        blocks = []
        for c in self.claims:
            lines = textwrap.wrap(f"{c.id}  {c.claim}", 88, subsequent_indent=" " * 9)
            body = f"→ {c.verdict_text}: {c.evidence}"
            lines += textwrap.wrap(body, 88, initial_indent=" " * 9, subsequent_indent=" " * 11)
            blocks.append("\n".join(lines))
        if not blocks:
            return "No claim matches."
        for line in self._legend():
            blocks.append("\n".join(textwrap.wrap(line, 88, subsequent_indent=" " * 6)))
        return "\n".join(blocks)

    def _legend(self) -> list[str]:
        """Return the documents by title and date, and what the shared figures mean."""
        used = {c.document.id: c.document for c in self.claims}
        lines = [f"{d.id}: “{d.title}”, {d.date}" for _, d in sorted(used.items())]
        if any("0.8502" in c.evidence or "four rows" in c.evidence for c in self.claims):
            lines.append(ROWS_NOTE)
        return lines

    def _repr_html_(self) -> str:
        rows = [[c.id, c.claim, c.verdict_text, c.evidence] for c in self.claims]
        table = cards.table(["claim", "what is said", "verdict", "what running it says"], rows)
        return table + "".join(f"<p>{html.escape(line)}</p>" for line in self._legend())


@cache
def _ledger() -> tuple[dict[str, Document], dict[str, Claim]]:
    text = resources.files(__package__).joinpath("claims.toml").read_text(encoding="utf-8")
    raw = tomllib.loads(text)
    docs = {id_: Document(id=id_, **d) for id_, d in raw["documents"].items()}
    return docs, {id_: Claim(id=id_, **c) for id_, c in raw["claims"].items()}


def documents() -> dict[str, Document]:
    """Return the source documents by id."""
    return _ledger()[0]


def all() -> tuple[Claim, ...]:
    """Return every claim in the order of the ledger."""
    return tuple(_ledger()[1].values())


def get(id: str) -> Claim:
    """Return one claim.

    Raises
    ------
    KeyError
        If the ledger has no claim with this id.
    """
    try:
        return _ledger()[1][id]
    except (KeyError, TypeError):
        raise KeyError(f"no claim is called {id!r}; ids look like 'D001-16'") from None


def table(
    *, lesson: int | None = None, document: str | None = None, verdict: str | None = None
) -> ClaimTable:
    """Return the claims of a lesson, a document or a verdict as a table.

    Parameters
    ----------
    lesson : int, optional
    document : str, optional
        Such as ``"D001"``.
    verdict : str, optional
        One of ``VERDICTS``.
    """
    if verdict is not None and verdict not in VERDICTS:
        raise ValueError(f"verdict must be one of {VERDICTS}, not {verdict!r}")
    return ClaimTable(
        tuple(
            c
            for c in all()
            if (lesson is None or c.lesson == lesson)
            and (document is None or c.document.id == document)
            and (verdict is None or c.verdict == verdict)
        )
    )
