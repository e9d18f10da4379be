"""A metric against the arrays it is fed: what it reports, and what is true."""

import copy
import warnings
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from . import _arrays, _metric_rules
from .report import Report


def metric(metric, y_true, y_pred) -> Report:
    """Check whether a metric fits the labels and predictions that it is given.

    Parameters
    ----------
    metric : keras.metrics.Metric, metric class, name, or function of (y_true, y_pred)
        Tried on a copy: the state of the one passed in is not touched.
    y_true : array_like, shape (N,), (N, 1), (N, C), (B, T), …
    y_pred : array_like, shape (N, C), (B, T, C), …
        Scores as they enter the metric.

    Returns
    -------
    Report
        Observed: ``reported``, the metric's value, and, where it is an accuracy,
        ``reference``, the value that NumPy finds. Pitfalls of lessons 01, 02, 07, 08 and 15,
        and ``nan-scores``. An error that the metric raises becomes a finding.

    Raises
    ------
    TypeError, ValueError
        If an argument is not numeric, is empty, or the metric cannot be called.
    """
    y, p = _arrays.numbers(y_true, "y_true"), _arrays.numbers(y_pred, "y_pred")
    if y.values.ndim == 0 or p.values.ndim == 0:
        raise ValueError("y_true and y_pred must hold at least one example, not a single number.")
    form, call = _read_metric(metric, y.values, p.values)
    reported, complaint = _value(call, y_true, y_pred)
    # A ragged or pandas argument has served once it is an array.
    if reported is None:
        again, _ = _value(call, y.values, p.values)
        reported = again
    expected = _metric_rules.expected_accuracy(form, y.values, p.values)
    found = _metric_rules.rules(form, y, p, reported, expected)
    observed = {"metric": form.name, "y_true": y.values.shape, "y_pred": p.values.shape}
    if reported is not None:
        single = np.ndim(reported) == 0 or form.family in ("sparse", "categorical", "exact")
        observed["reported"] = float(np.mean(reported)) if single else str(reported)
    if expected is not None:
        observed["accuracy by NumPy" if form.own else "reference"] = expected
    missed = ()
    if reported is None and not found:
        missed = (f"the metric's value: it raised {complaint}",)
    return Report(tuple(found), observed, missed)


@dataclass(frozen=True)
class _Call:
    """A metric that starts from nothing at every call."""

    prototype: object

    def __call__(self, y, p):
        try:
            fresh = copy.deepcopy(self.prototype)
        except Exception:
            # A metric of one's own may not describe itself: use it, and put its state back.
            with _restored(self.prototype):
                return self._result(self.prototype, y, p)
        return self._result(fresh, y, p)

    @staticmethod
    def _result(metric, y, p):
        metric.reset_state()
        metric.update_state(y, p)
        return np.array(metric.result())


@contextmanager
def _restored(metric):
    before = [np.array(v.numpy()) for v in metric.variables]
    try:
        yield
    finally:
        for variable, value in zip(metric.variables, before, strict=False):
            variable.assign(value)


def _read_metric(metric, y, p):
    import keras

    if isinstance(metric, str):
        metric = _by_name(metric, y, p)
    if isinstance(metric, type):
        try:
            metric = metric()
        except TypeError:
            raise TypeError(f"{metric.__name__} needs arguments: pass an instance of it.") from None
    if isinstance(metric, keras.metrics.Metric):
        form = _metric_rules.form_of(metric)
        return form, _Call(metric)
    if not callable(metric):
        raise TypeError(
            f"metric is a {type(metric).__name__}. Pass a Keras metric, its class or name, or a "
            "function of (y_true, y_pred)."
        )
    return _metric_rules.form_of(metric), metric


def _by_name(name: str, y, p):
    import keras

    if name in ("accuracy", "acc"):
        return keras.metrics.get(_metric_rules.what_accuracy_means(y.shape, p.shape))
    try:
        return keras.metrics.get(name)
    except ValueError:
        raise ValueError(
            f"Keras knows no metric called {name!r}. Names are such as "
            "'sparse_categorical_accuracy'."
        ) from None


def _value(call, y, p):
    """Return the metric's value as a NumPy scalar or array, or None and the reason."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            result = np.asarray(call(y, p))
    except Exception as problem:
        first = (str(problem).splitlines() or [""])[0]
        return None, f"{type(problem).__name__}: {first[:160]}"
    if result.dtype.kind not in "biuf":
        return None, f"no number but {result.dtype}"
    return result, ""
