"""Rule for locks: what they name comes from the public registries, not from a mirror."""

import re
from collections.abc import Iterator

PUBLIC = {"pypi.org", "files.pythonhosted.org", "registry.npmjs.org"}
# npm notes where a package asks for money; nothing is fetched from there.
_FUNDING = re.compile(r'"funding":\s*(?:\{[^}]*\}|\[[^\]]*\]|"[^"]*")')


def foreign_hosts(name: str, text: str) -> Iterator[str]:
    """Yield a sentence for every line of a lock that names another host."""
    blank = _FUNDING.sub(lambda found: "\n" * found[0].count("\n"), text)
    for number, line in enumerate(blank.splitlines(), 1):
        for host in re.findall(r"\w+://(?:[^/@\s\"]*@)?([\w.:-]+)", line):
            if host not in PUBLIC:
                yield f"{name}, line {number}: {host}"
