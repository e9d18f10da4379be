"""Lesson 19: two devices equal one and `fit`, and the figures it rests on.

Its cells make two logical devices, which a process can do only at its start; so
this file runs itself as a script and reads the figures.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

STEM = "19_distributed_loss"
IDS = ["setup", "devices", "build", "train", "broken-loss", "predict-1", "run-broken"]
IDS += ["symptom-table", "why", "right-loss", "run-fixed", "fit", "predict-2", "scales"]
IDS += ["metrics", "regular-train", "ragged"]


def main():
    sys.path.insert(0, os.fspath(Path(__file__).parent))
    from cells import run_cells

    n = run_cells(STEM, IDS)
    whole, scaled = (lambda penalty: penalty), n["tf"].nn.scale_regularization_loss
    runs = {
        "one": n["train_regularised"](n["alone"], whole, epochs=1),
        "whole": n["train_regularised"](n["strategy"], whole, epochs=1),
        "scaled": n["train_regularised"](n["strategy"], scaled, epochs=1),
    }
    figures = {
        "one": [float(v) for v in n["one"]],
        "broken": [float(v) for v in n["broken"]],
        "fixed": [float(v) for v in n["fixed"]],
        "off": {
            "broken": float(n["distance"](n["one_model"], n["broken_model"])),
            "fixed": float(n["distance"](n["one_model"], n["fixed_model"])),
            "fit": float(n["distance"](n["fit_model"], n["fixed_model"])),
        },
        "ways": {name: float(factor) for name, factor in n["factors"].items()},
        "logged": float(n["logged"].result()),
        "honest": float(n["honest"].result()),
        "penalised": {name: float(loss) for name, (_, loss) in runs.items()},
        "penalised off": float(n["distance"](runs["one"][0], runs["scaled"][0])),
        "norms": {
            name: float(np.sqrt(sum((w**2).sum() for w in model.get_weights())))
            for name, (model, _) in runs.items()
        },
        "exact": float(n["exact"].mean()),
        "added": [
            float(sum(float(p) for p in n["strategy"].experimental_local_results(losses)))
            for losses in n["told"]
        ],
    }
    print("\n" + json.dumps(figures))


@pytest.fixture(scope="module")
def figures(tmp_path_factory):
    root = Path(__file__).resolve().parents[2]
    state = os.fspath(tmp_path_factory.mktemp("state"))
    done = subprocess.run(
        [sys.executable, __file__],
        cwd=root,
        env=os.environ | {"PYTHONPATH": os.fspath(root), "LOSS_AND_FOUND_STATE": state},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_the_fixed_loop_equals_one_device_and_fit(figures):
    np.testing.assert_allclose(figures["fixed"], figures["one"], atol=1e-5)
    assert figures["off"]["fixed"] < 1e-5
    assert figures["off"]["fit"] < 1e-5


def test_the_broken_loop_is_scaled_by_the_replicas(figures):
    assert 1.7 < figures["broken"][0] / figures["one"][0] < 2
    assert figures["off"]["broken"] > 0.1


def test_who_divides(figures):
    ways = figures["ways"]
    right = [name for name, factor in ways.items() if abs(factor - 1) < 1e-4]
    assert right == [
        "Keras loss, default reduction",
        "Keras loss, 'sum' / global batch",
        "tf.nn.compute_average_loss",
    ]
    assert 0.5 < ways["Keras loss / replicas"] < 0.55


def test_a_metric_fed_the_scaled_loss_is_half(figures):
    assert figures["logged"] == pytest.approx(figures["honest"] / 2, rel=1e-5)


def test_the_penalty(figures):
    assert figures["penalised"]["scaled"] == pytest.approx(figures["penalised"]["one"], abs=1e-4)
    assert figures["penalised"]["whole"] > figures["penalised"]["one"] + 0.1
    assert figures["penalised off"] < 1e-5
    assert figures["norms"]["whole"] < figures["norms"]["scaled"] - 0.5


def test_a_ragged_batch(figures):
    by_keras, by_average = figures["added"]
    assert by_average == pytest.approx(figures["exact"], abs=1e-5)
    assert abs(by_keras - figures["exact"]) > 0.05


if __name__ == "__main__":
    main()
