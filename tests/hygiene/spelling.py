"""Rules for spelling: no common misspelling, and British forms in prose.

Misspellings are codespell's. The American forms are the right-hand side of
codespell's own table from British to American.
"""

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import resources

# What codespell takes for a slip, and why it is none here.
MEANT = {
    "fpr": "false positive rate, as scikit-learn names it",
    "abd": "three classes of a planted metric: A, B, D",
    "caf": "the beginning of a café whose last letter is escaped, in a planted link",
    "acuracy": "a misspelt metric name that a check must survive",
}
# Words that codespell counts as American and that are British too, or a name.
BOTH = {
    "optimizer": "Keras's and TensorFlow's own name for it",
    "program": "of a computer, in both",
    "practice": "the noun",
    "license": "the verb, and the name of a file and of a field of pyproject.toml",
    "meter": "the instrument",
    "story": "a tale",
}
_NOT_PROSE = re.compile(
    r"(```|~~~).*?\1|`[^`]*`|https?://\S+|\]\([^)]*\)|\$[^$]*\$|<[^>]*>", re.DOTALL
)


def misspelt(texts: Iterable[tuple[str, str]]) -> list[str]:
    """Return a sentence for every misspelling in the (place, text) pairs."""
    places, lines = [], []
    for place, text in texts:
        for number, line in enumerate(text.splitlines(), 1):
            places.append(f"{place}, line {number}")
            lines.append(line)
    command = [sys.executable, "-m", "codespell_lib", "--ignore-words-list", ",".join(MEANT), "-"]
    done = subprocess.run(
        command, input="\n".join(lines), capture_output=True, text=True, encoding="utf-8"
    )
    if done.returncode not in (0, 65):  # 65: something was found
        raise RuntimeError(f"codespell ended with {done.returncode}: {done.stderr.strip()}")
    # codespell answers in pairs of lines: "NUMBER: the line", then "\tWORD ==> REMEDY".
    heads = [line for line in done.stdout.splitlines() if line.strip()]
    told = []
    for head, slip in zip(heads[::2], heads[1::2], strict=True):
        told.append(f"{places[int(head.split(':')[0]) - 1]}: {slip.strip()}")
    return told


def american(texts: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield a sentence for every American form in prose; code, links and formulas are left out."""
    for place, text in texts:
        for word in re.findall(r"[A-Za-z]+", _NOT_PROSE.sub(" ", text)):
            if british := _british().get(word.lower()):
                yield f"{place}: {word} is {british} in British spelling"


@cache
def _british() -> dict[str, str]:
    table = resources.files("codespell_lib").joinpath("data/dictionary_en-GB_to_en-US.txt")
    forms = {}
    for line in table.read_text(encoding="utf-8").splitlines():
        british, _, americans = line.partition("->")
        for form in americans.split(","):
            if form.strip() and form.strip() not in BOTH:
                forms[form.strip()] = british
    return forms
