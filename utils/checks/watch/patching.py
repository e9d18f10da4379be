"""Replacing attributes for the length of a block, and putting every one of them back."""

import contextlib
import functools
import sys
import threading
import types

_ABSENT = object()


class Patches:
    """Attributes that were replaced, and what stood there before."""

    def __init__(self):
        self._undo = []

    def wrap(self, owner, name: str, make) -> None:
        """Replace ``owner.name`` by ``make(original)``.

        Parameters
        ----------
        owner : class or module
        name : str
        make : callable
            Takes the callable that is found under the name and returns the one to put there.
        """
        before = vars(owner).get(name, _ABSENT)
        original = getattr(owner, name)
        wrapper = functools.wraps(original)(make(original))
        # AutoGraph must call the wrapper as it is, as it calls Keras' and TensorFlow's own.
        wrapper.autograph_info__ = {}
        setattr(owner, name, wrapper)
        self._undo.append((owner, name, before))

    def wrap_property(self, owner, name: str, make) -> None:
        """Replace the property ``owner.name`` by one whose getter is ``make(getter)``."""
        before = vars(owner)[name]
        setattr(owner, name, property(make(before.fget), before.fset, before.fdel, before.__doc__))
        self._undo.append((owner, name, before))

    def rewire(self, function, make) -> None:
        """Let a Python function run ``make(original)``, under whatever name it is held.

        A name bound by ``from … import function`` before the block is out of reach, and so the
        function's code is replaced, not the name. ``original`` is a copy of it.
        """
        code, defaults = function.__code__, function.__defaults__
        original = types.FunctionType(code, function.__globals__, function.__name__, defaults)
        original.__kwdefaults__ = keywords = function.__kwdefaults__
        home = sys.modules[function.__globals__["__name__"]]
        name = f"_loss_and_found_{function.__name__}"
        setattr(home, name, make(functools.update_wrapper(original, function)))
        self._undo += [
            (home, name, _ABSENT),
            (function, "__defaults__", defaults),
            (function, "__kwdefaults__", keywords),
            (function, "__code__", code),
        ]
        function.__defaults__ = function.__kwdefaults__ = None
        function.__code__ = _relay.__code__.replace(co_names=(name,))

    def undo(self) -> None:
        """Put everything back, last replaced first."""
        while self._undo:
            owner, name, before = self._undo.pop()
            if before is _ABSENT:
                delattr(owner, name)
            else:
                setattr(owner, name, before)


def _relay(*args, **kwargs):
    return _relayed(*args, **kwargs)  # noqa: F821, this name is replaced


class Here(threading.local):
    """What one thread is in the middle of."""

    silent = False  # inside our own observation

    def __init__(self):
        self.stack = []  # the watched calls it is in, outermost first


class Switchboard:
    """One set of patches, shared by all blocks that watch at the same time.

    Blocks may be nested, and threads may leave theirs in any order, so patches are put in
    with the first and taken out with the last.
    """

    def __init__(self):
        self.listeners = ()
        self.here = Here()
        self._lock = threading.RLock()
        self._patches = None
        self.last_value = None  # weak reference to what metric(y, p) returned last

    def connect(self, listener, install) -> None:
        """Let a listener hear; ``install(patches)`` is called if it is the first."""
        with self._lock:
            if not self.listeners:
                patches = Patches()
                try:
                    install(patches)
                except BaseException:
                    patches.undo()
                    raise
                self._patches = patches
            self.listeners = (*self.listeners, listener)

    def disconnect(self, listener) -> None:
        """Let a listener go, and undo the patches if it was the last."""
        with self._lock:
            self.listeners = tuple(other for other in self.listeners if other is not listener)
            if not self.listeners and self._patches is not None:
                self._patches.undo()
                self._patches = None

    def add_patches(self, install) -> None:
        """Patch something met on the way (a class defined inside the block)."""
        with self._lock:
            if self._patches is not None:
                install(self._patches)

    @property
    def stack(self) -> list:
        """The watched calls this thread is in, outermost first."""
        return self.here.stack

    @contextlib.contextmanager
    def quiet(self):
        """Mark this thread as inside our own observation, which is not itself observed."""
        before, self.here.silent = self.here.silent, True
        try:
            yield
        finally:
            self.here.silent = before


# Patches are made on classes and modules, which are one per process; so is this.
SWITCHBOARD = Switchboard()
