"""Links of the built pages: files and anchors are there, and nothing comes from another host."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# What a browser fetches by itself, and the attribute that says from where. A link is not fetched.
_FETCHED = {
    "audio": "src", "embed": "src", "iframe": "src", "img": "src", "link": "href",
    "object": "data", "script": "src", "source": "src", "track": "src", "video": "src",
}  # fmt: skip
_NOT_FETCHED = {"canonical", "next", "prev", "author", "search", "index"}
_IN_STYLE = re.compile(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)")


@dataclass
class Page(HTMLParser):
    """What a page names: its anchors, its links, and what it makes a browser fetch."""

    anchors: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)

    def __post_init__(self):
        super().__init__()

    def handle_starttag(self, tag, attrs):
        """Sort the addresses of one tag."""
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if given.get(name)}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        target = given.get(_FETCHED.get(tag, ""), "")
        if target:
            passive = tag == "link" and given.get("rel") in _NOT_FETCHED
            (self.links if passive else self.fetched).append(target)
        self.fetched += _addresses(given.get("style", ""))


@cache
def read(path: Path) -> Page:
    """Parse one page."""
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def faults(site: Path) -> Iterator[str]:
    """Yield a sentence for every fault: page, address, what is wrong with it.

    Parameters
    ----------
    site : Path
        The folder of built pages.
    """
    site = site.resolve()
    for path in sorted(site.rglob("*.html")):
        place = path.relative_to(site).as_posix()
        page = read(path)
        for address in page.links:
            if why := _dead(address, path, site):
                yield f"{place}: {address} {why}"
        for address in page.fetched:
            if why := _foreign(address) or _dead(address, path, site):
                yield f"{place}: {address} {why}"
    for path in sorted(site.rglob("*.css")):
        for address in _addresses(path.read_text(encoding="utf-8")):
            if why := _foreign(address):
                yield f"{path.relative_to(site).as_posix()}: {address} {why}"


def _addresses(style: str) -> list[str]:
    return [a or b for a, b in _IN_STYLE.findall(style)]


def _foreign(address: str) -> str:
    parts = urlsplit(address)
    outside = parts.netloc or parts.scheme not in ("", "data")
    return "is fetched from another host" if outside else ""


def _dead(address: str, page: Path, site: Path) -> str:
    """Say what is wrong with an address; other sites are only looked at for their form."""
    parts = urlsplit(address)
    if parts.scheme in ("http", "https"):
        return "" if re.fullmatch(r"[\w.-]+\.\w+(:\d+)?", parts.netloc) else "names no host"
    if parts.scheme in ("mailto", "data"):
        return ""
    if parts.scheme or parts.netloc:
        return "is no address of the web"
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if target.is_dir():
        target /= "index.html"
    if site not in target.parents:
        return "leads out of the site"
    if not target.exists():
        return "is not there"
    if parts.fragment and target.suffix == ".html":
        wanted = unquote(parts.fragment)
        return "" if wanted in read(target).anchors else f"names no anchor of {target.name}"
    return ""
