"""Taken home: under the name loss_and_found, beside a project that has a `utils` of its own."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

PROJECT_TEST = """
import os

import keras, numpy as np, tensorflow as tf
import utils
from loss_and_found import checks


def train(activation):
    keras.utils.set_random_seed(0)
    last = keras.layers.Dense(3, activation=activation)
    model = keras.Sequential([keras.layers.Input((4,)), last])
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.SGD()
    x = np.random.default_rng(0).normal(size=(48, 4)).astype("float32")
    y = x[:, :3].argmax(axis=1)
    for _ in range(3):
        with tf.GradientTape() as tape:
            loss = loss_fn(y, model(x, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
    return model, loss_fn, (x, y)


def test_own_utils_is_untouched():
    assert utils.OWN == 1
    assert not hasattr(utils, "checks")
    # Numbers must not depend on whether the package was imported.
    assert "TF_ENABLE_ONEDNN_OPTS" not in os.environ


def test_healthy_loop():
    with checks.watch() as report:
        model, loss_fn, batch = train(None)
    report.raise_if_failed()
    checks.diagnose(model, loss_fn, batch).raise_if_failed()


def test_sick_loop():
    with checks.watch() as report:
        train(tf.nn.softmax)
    report.raise_if_failed()
"""


def test_the_wheel_renames_the_package():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert settings["tool"]["hatch"]["build"]["targets"]["wheel"]["sources"] == {
        "utils": "loss_and_found"
    }


def test_a_practitioners_pytest(tmp_path):
    site, project = tmp_path / "site", tmp_path / "project"
    shutil.copytree(
        ROOT / "utils", site / "loss_and_found", ignore=shutil.ignore_patterns("__pycache__")
    )
    (project / "utils").mkdir(parents=True)
    (project / "utils" / "__init__.py").write_text("OWN = 1\n", encoding="utf-8")
    (project / "test_loop.py").write_text(PROJECT_TEST, encoding="utf-8")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "TF_"))}
    environment["PYTHONPATH"] = os.pathsep.join([str(project), str(site)])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull,
         f"--rootdir={project}", str(project)],
        cwd=project, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert "1 failed, 2 passed" in done.stdout, done.stdout + done.stderr
    for told in ("ERROR  double-softmax", "from_logits=True makes the loss apply softmax", "Fix:"):
        assert told in done.stdout
