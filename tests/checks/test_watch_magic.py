"""``%%watch`` in a notebook's shell."""

import pytest
from IPython.core.interactiveshell import InteractiveShell

SETUP = """
import keras, numpy as np, tensorflow as tf
keras.utils.set_random_seed(0)
model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(3)])
loss_fn = keras.losses.SparseCategoricalCrossentropy()
optimizer = keras.optimizers.Adam()
x = tf.random.normal((64, 8)); y = tf.constant(np.arange(64) % 3)

@tf.function
def step(x, y):
    with tf.GradientTape() as tape:
        loss = loss_fn(y, model(x, training=True))
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))
    return loss

for _ in range(3):
    step(x, y)
"""


@pytest.fixture
def shell(capsys):
    shell = InteractiveShell()
    shell.run_line_magic("load_ext", "utils")
    shell.run_cell(SETUP).raise_error()
    return shell


def test_a_step_traced_before_is_observed(shell, capsys):
    shell.run_cell("%%watch\nvalue = 1\nfor _ in range(4):\n    loss = step(x, y)").raise_error()
    report = shell.user_ns["watch_report"]
    assert [f.pitfall for f in report.alarms] == ["logits-as-probabilities"]
    assert shell.user_ns["value"] == 1
    assert "logits-as-probabilities" in capsys.readouterr().out


def test_the_report_is_shown_after_an_exception_too(shell, capsys):
    shell.run_cell("%%watch seen\nstep(x, y)\nraise RuntimeError('stop')")
    report = shell.user_ns["seen"]
    assert [f.pitfall for f in report.alarms] == ["logits-as-probabilities"]
    out = capsys.readouterr().out
    assert "RuntimeError" in out
    assert "logits-as-probabilities" in out


def test_the_report_is_shown_after_an_interrupt(shell, capsys):
    shell.run_cell("%%watch\nstep(x, y)\nraise KeyboardInterrupt")
    assert shell.user_ns["watch_report"].alarms
    assert "logits-as-probabilities" in capsys.readouterr().out
