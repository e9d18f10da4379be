"""The course's compiled loops against `model.fit`: time per step on the same work.

Usage: python benchmarks/model_fit.py [--pairs N] [--epochs E]

The loops are read from the notebooks in solutions/ and run as they stand; `fit` is given the
same model, data, batch size and seed, and has to end at the same loss (within 3 %: where the
batches are shuffled, fit's order differs from the loop's). Both trace anew
in every run: the first epoch is left out, and the figure of a run is the median of the others,
divided by the steps. Aim: loop/fit at most 1.
"""

import argparse
import time
from dataclasses import dataclass
from unittest import mock

import keras
import nbformat
import tensorflow as tf
from harness import ROOT, Cost, machine, median, shown
from tensorflow.python.data.ops import dataset_ops

SAME_LOSS = 0.03  # fit draws a batch to build the model, and a shuffle goes on from there


@dataclass(frozen=True)
class Case:
    """A loop of the course: where it stands, and what `fit` needs to do the same."""

    notebook: str
    call: str  # the loop, as an expression of the notebook's names, `model` and `epochs`
    model: str
    batches: str
    optimizer: str


CASES = {
    "05 digits, batches of 128": Case(
        "05_wrong_last_layer",
        "train(model, epochs=epochs)",
        "build_model(None)",
        "tf.data.Dataset.from_tensor_slices((digits.x_train, digits.y_train))"
        ".shuffle(len(digits.x_train), seed=1).batch(128)",
        "keras.optimizers.Adam(0.01)",
    ),
    "11 digits, batches of 50": Case(
        "11_what_a_loss_means",
        "train(model, digits.x_train, digits.y_train, epochs)",
        "build_model(64, 10)",
        "tf.data.Dataset.from_tensor_slices((digits.x_train, digits.y_train)).batch(50).cache()",
        "keras.optimizers.Adam(0.001)",
    ),
}


def names(notebook: str) -> dict:
    """Return what the notebook's set-up, model and training cells define."""
    cells = nbformat.read(ROOT / "solutions" / f"{notebook}.ipynb", as_version=4).cells
    scope = {"print": lambda *args: None}
    for name in ("setup", "build-model", "train"):
        (cell,) = (c for c in cells if c.id == name)
        exec(cell.source, scope)
    return scope


class Clock(keras.callbacks.Callback):
    """Stamps the beginning of every epoch, and the end."""

    def __init__(self):
        super().__init__()
        self.stamps = []

    def stamp(self) -> None:
        """Note the time by the clock and of the CPU."""
        self.stamps.append(Cost(time.perf_counter(), time.process_time()))

    def on_epoch_begin(self, epoch, logs=None):
        """Stamp an epoch of fit."""
        self.stamp()

    def per_step(self, steps: int) -> Cost:
        """Return what a step took, the first epoch left out."""
        epochs = list(zip(self.stamps[1:], self.stamps[2:], strict=False))
        wall = median([b.wall - a.wall for a, b in epochs])
        return Cost(wall / steps, median([b.cpu - a.cpu for a, b in epochs]) / steps)


def run_loop(scope, case, epochs: int, steps: int):
    """Return what a step of the course's loop took, and the last loss."""
    clock, original = Clock(), dataset_ops.DatasetV2.__iter__

    def stamped(self):
        clock.stamp()
        return original(self)

    model = eval(case.model, scope)
    with mock.patch.object(dataset_ops.DatasetV2, "__iter__", stamped):
        history = eval(case.call, {**scope, "model": model, "epochs": epochs})
    clock.stamp()
    return clock.per_step(steps), history["loss"][-1]


def run_fit(scope, case, epochs: int, steps: int):
    """Return what a step of `fit` took, and the last loss."""
    clock, model = Clock(), eval(case.model, scope)
    batches, optimizer = (eval(text, scope) for text in (case.batches, case.optimizer))
    model.compile(optimizer, scope["loss_fn"], metrics=["accuracy"])
    history = model.fit(batches, epochs=epochs, verbose=0, callbacks=[clock]).history
    clock.stamp()
    return clock.per_step(steps), history["loss"][-1]


def measure(label: str, case: Case, pairs: int, epochs: int) -> None:
    """Print the ratio of the loop's step to fit's, and the control."""
    scope = names(case.notebook)
    steps = len(eval(case.batches, scope))
    (loop, loss), (fit, fit_loss) = (run(scope, case, epochs, steps) for run in (run_loop, run_fit))
    if abs(loss - fit_loss) > SAME_LOSS * loss:
        raise SystemExit(f"{label}: the loop ends at a loss of {loss}, fit at {fit_loss}")
    print(
        f"{label}: {1e3 * loop.wall:.2f} ms a step, fit {1e3 * fit.wall:.2f} ms, loss {loss:.4f} "
        f"and {fit_loss:.4f}; {steps} steps an epoch, {epochs} epochs, {pairs} pairs"
    )
    for name, first in (("loop/fit", run_loop), ("control: fit/fit", run_fit)):
        ratios = []
        for i in range(pairs):
            order = (first, run_fit) if i % 2 else (run_fit, first)
            costs = [run(scope, case, epochs, steps)[0] for run in order]
            a, b = costs if i % 2 else reversed(costs)
            ratios.append(a / b)
        wall, cpu = zip(*ratios, strict=True)
        print(f"    {name:28} clock {shown(wall)}   CPU {shown(cpu)}", flush=True)


def main() -> None:
    """Measure all cases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=20)
    options = parser.parse_args()
    tf.get_logger().setLevel("ERROR")
    machine("The course's loops against model.fit")
    for label, case in CASES.items():
        measure(label, case, options.pairs, options.epochs)


if __name__ == "__main__":
    main()
