"""What `checks.watch()` costs: the median ratio of watched to bare blocks, in one run.

Usage: python benchmarks/watch_overhead.py [--pairs N] [--routes eager,graph,xla,cnn]

Every pair is one bare and one watched block of the same steps on the same model, in turns
(order swapped from pair to pair). The control compares bare blocks with bare blocks.
Functions are traced before the first block. The interval is that of a sign test on the
median (95 %).
"""

import argparse
import os
import pathlib
import statistics
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from utils import checks

import keras
import numpy as np
import tensorflow as tf


def dense():
    """Return a small dense model and its input shape."""
    layers = [keras.layers.Dense(64, "relu"), keras.layers.Dense(64, "relu")]
    return keras.Sequential([keras.Input((64,)), *layers, keras.layers.Dense(10)]), (64,)


def cnn():
    """Return a small convolutional model and its input shape."""
    layers = [
        keras.layers.Conv2D(32, 3, activation="relu"),
        keras.layers.Conv2D(64, 3, activation="relu"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(10),
    ]
    return keras.Sequential([keras.Input((32, 32, 3)), *layers]), (32, 32, 3)


def loop(route: str):
    """Return a function that runs a number of steps, and the number for one block."""
    build = cnn if route.startswith("cnn") else dense
    model, shape = build()
    optimizer = keras.optimizers.Adam()
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    metric = keras.metrics.SparseCategoricalAccuracy()
    rng = np.random.default_rng(0)
    batches = [
        (
            tf.constant(rng.normal(size=(64, *shape)).astype("float32")),
            tf.constant(rng.integers(0, 10, 64)),
        )
        for _ in range(8)
    ]

    def step(x, y):
        with tf.GradientTape() as tape:
            logits = model(x, training=True)
            loss = loss_fn(y, logits)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        metric.update_state(y, logits)
        return loss

    if route != "eager":
        step = tf.function(step, jit_compile=route == "xla")
    counts = {"eager": 60, "graph": 1000, "xla": 1000, "cnn": 20}

    def run():
        for i in range(counts[route]):
            step(*batches[i % len(batches)])
        metric.result()
        metric.reset_state()

    return run, counts[route]


def seconds(run, watched: bool) -> float:
    """Return how long one block takes."""
    start = time.perf_counter()
    if watched:
        with checks.watch():
            run()
    else:
        run()
    return time.perf_counter() - start


def interval(ratios):
    """Return the 95 % sign-test interval of the median."""
    ordered, n = sorted(ratios), len(ratios)
    skip = max(0, int(n / 2 - 0.98 * n**0.5))
    return ordered[skip], ordered[n - 1 - skip]


def measure(route: str, pairs: int) -> None:
    """Print one line for a route."""
    run, steps = loop(route)
    for watched in (False, True, False):
        first = seconds(run, watched)
    results = {}
    for name, watched in (("control", False), ("watched", True)):
        ratios = []
        for i in range(pairs):
            order = (False, watched) if i % 2 else (watched, False)
            times = [seconds(run, w) for w in order]
            bare, other = times if i % 2 else reversed(times)
            ratios.append(other / bare)
        low, high = interval(ratios)
        results[name] = f"{statistics.median(ratios):.3f} [{low:.3f}, {high:.3f}]"
    print(
        f"{route:6} {1e3 * first / steps:8.3f} ms a step, {steps} steps a block, {pairs} pairs: "
        f"watched/bare {results['watched']}   bare/bare {results['control']}",
        flush=True,
    )


def main() -> None:
    """Measure all routes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=30)
    parser.add_argument("--routes", default="eager,graph,xla,cnn")
    options = parser.parse_args()
    for route in options.routes.split(","):
        measure(route, options.pairs)


if __name__ == "__main__":
    main()
