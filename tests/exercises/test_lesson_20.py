"""Graders of the clinic: each patient's mend, other mends, every fault left, names and charts.

The loops come from the notebook itself; a mend that goes wrong is written as the
notebook's own code with one line exchanged.
"""

from utils import data, edition, exercises
from utils.exercises import clinic_loop, lesson_20, solutions
from utils.exercises.clinic_ward import WARD

import nbformat
import numpy as np
import pytest

LETTERS = [p.letter for p in WARD]
SICK = [p for p in WARD if p.faults]


@pytest.fixture(scope="module")
def page():
    """Return the notebook's shared parts, patients and mended loops, without running `examine`."""
    notebook = nbformat.read(edition.SOLUTIONS / "20_clinic.ipynb", as_version=4)
    source = {cell.id: cell.source for cell in notebook.cells}
    scope = {}
    exec(source["setup"], scope)
    exec(source["parts"], scope)
    for letter in "abcdefghij":
        exec(source[f"patient-{letter}"].replace("\nexamine(", "\n# examine("), scope)
        exec(solutions.code(f"20-{letter}"), scope)
        scope[f"answer_{letter}"] = scope["answer"]
    scope["source"] = source
    return scope


def mend(page, letter, *changes):
    """Return a mended loop of the notebook with pieces of its text exchanged."""
    text = solutions.code(f"20-{letter}").split("\nanswer =")[0]
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    scope = dict(page)
    exec(text, scope)
    return scope[f"mended_{letter}"]


def check(letter, names, loop):
    return exercises.get(f"20-{letter.lower()}").check((names, loop))


@pytest.mark.parametrize("letter", LETTERS)
def test_reference(page, letter):
    result = exercises.get(f"20-{letter.lower()}").check(page[f"answer_{letter.lower()}"])
    assert result.correct, result.message


@pytest.mark.parametrize("patient", WARD, ids=lambda p: p.letter)
def test_each_patient_is_its_settings(page, patient):
    """The grader's switches and the notebook's text are one and the same loop."""
    settings = dict(patient.twin)
    for fault in patient.faults.values():
        settings |= fault
    split = data.iris(seed=1)
    _, chart = page[f"patient_{patient.letter.lower()}"](split, epochs=2)
    told = clinic_loop.train(split, 2, **settings)
    for name in clinic_loop.SERIES:
        if patient.letter == "E" and name != "validation":
            continue
        np.testing.assert_allclose(chart[name], getattr(told, name), atol=1e-4, err_msg=name)


@pytest.mark.parametrize("patient", SICK, ids=lambda p: p.letter)
def test_an_untouched_patient_is_still_sick(page, patient):
    result = check(patient.letter, list(patient.faults), page[f"patient_{patient.letter.lower()}"])
    assert result.status == "incorrect"
    assert result.pitfall in patient.faults


HALF = [
    ("c", [("meter.reset_state()", "pass")], "metric-not-reset"),
    ("c", [("from_logits=True", "from_logits=False")], "logits-as-probabilities"),
    ("d", [(" + tf.add_n(model.losses)", "")], "missing-regularisation"),
    ("d", [("loss, sample_weight=len(x_batch)", "loss")], "ragged-batch"),
    ("g", [("training=False", "training=True")], "training-flag"),
    (
        "g",
        [('meters["accuracy"].up', 'meters["accuracy"].reset_state(); meters["accuracy"].up')],
        "last-batch-metric",
    ),
    (
        "j",
        [("with tf.Grad", "optimizer = keras.optimizers.Adam(0.03)\n            with tf.Grad")],
        "optimizer-recreated",
    ),
    (
        "j",
        [("model.trainable_variables", "model.layers[-1].trainable_variables")],
        "gradients-none",
    ),
]


@pytest.mark.parametrize(("letter", "changes", "left"), HALF)
def test_one_of_two_faults_left(page, letter, changes, left):
    names = list(lesson_20._patient(letter.upper()).faults)
    result = check(letter, names, mend(page, letter, *changes))
    assert (result.status, result.pitfall) == ("incorrect", left), result.message
    assert "One fault is gone, one is left" in result.message


TURNS = [
    ("a", [("from_logits=True", "from_logits=False")], "logits-as-probabilities", "Both ends"),
    (
        "c",
        [("build_model(split)", "build_model(split, activation=tf.nn.softmax)")],
        "double-softmax",
        "Both ends",
    ),
    ("f", [('meters["accuracy"].up', 'meters["accuracy"].reset_state(); meters["accuracy"].up')],
     "last-batch-metric", "last batch alone"),
    (
        "i",
        [("tf.reduce_mean(losses)", "losses"), ("SGD(0.02)", "SGD(0.02 / 48)")],
        "vector-loss",
        "full batches only",
    ),
    ("a", [("Adam(0.03)", "Adam(0.3)")], None, "Change as little"),
    ("j", [("build_model(split)", "build_model(split, dropout=0.2)")], None, "Change as little"),
]  # fmt: skip


@pytest.mark.parametrize(("letter", "changes", "pitfall", "told"), TURNS)
def test_wrong_turns(page, letter, changes, pitfall, told):
    names = list(lesson_20._patient(letter.upper()).faults)
    result = check(letter, names, mend(page, letter, *changes))
    assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message
    assert told in result.message


def test_a_healthy_loop_made_sick(page):
    text = page["source"]["patient-b"].split("\n\n\nexamine")[0]
    scope = dict(page)
    exec(text.replace("activation=tf.nn.softmax", "activation=None"), scope)
    result = check("b", [], scope["patient_b"])
    assert result.status == "incorrect"
    assert "sound as it stood" in result.message
    scope = dict(page)
    exec(text.replace('reduction="sum"', 'reduction="sum", from_logits=True'), scope)
    assert check("b", [], scope["patient_b"]).pitfall == "double-softmax"


OTHER_WAYS = [
    # The softmax kept, and the loss told so.
    ("a", [("build_model(split)", "build_model(split, activation=tf.nn.softmax)"),
           ("from_logits=True", "from_logits=False")]),
    ("c", [("build_model(split)", "build_model(split, activation=tf.nn.softmax)"),
           ("(from_logits=True)", "()")]),
    ("c", [("meter.reset_state()", "pass"),
           ("chart[name].append(float(meter.result()))",
            "chart[name].append(float(meter.result())); meter.reset_state()")]),
    ("d", [("tf.add_n(model.losses)", "sum(model.losses)")]),
    ("e", [("split.x_train[rows], split.y_train[rows]", "split.x_train, split.y_train")]),
    ("e", [("default_rng(0)", "default_rng(7)")]),
    ("f", [("tf.argmax(y_pred, axis=-1) == y_batch",
            "tf.argmax(y_pred, axis=-1)[:, None] == y_batch[:, None]")]),
    ("f", [("hits = tf.cast(tf.argmax(y_pred, axis=-1) == y_batch, tf.float32)",
            "hits = keras.metrics.sparse_categorical_accuracy(y_batch, y_pred)")]),
    ("g", [("model(split.x_test, training=False)",
            "model.predict(split.x_test, verbose=0)")]),
    ("i", [("tf.reduce_mean(losses)", "tf.reduce_sum(losses) / len(x_batch)")]),
    ("j", [("model.trainable_variables", "model.trainable_weights")]),
]  # fmt: skip


@pytest.mark.parametrize(("letter", "changes"), OTHER_WAYS)
def test_other_right_answers(page, letter, changes):
    names = list(lesson_20._patient(letter.upper()).faults)
    result = check(letter, names, mend(page, letter, *changes))
    assert result.correct, result.message


class TestNames:
    def test_one_name_alone_or_in_another_spelling(self, page):
        assert check("a", "double-softmax", page["mended_a"]).correct
        assert check("a", {" Double_Softmax "}, page["mended_a"]).correct
        assert check("i", ("summed-loss",), page["mended_i"]).correct

    def test_a_missing_name_is_not_told(self, page):
        result = check("d", ["ragged-batch"], page["mended_d"])
        assert (result.status, result.pitfall) == ("incorrect", None)
        assert "1 of its 2 faults has no name yet" in result.message
        assert "missing-regularisation" not in result.message

    def test_a_name_too_many(self, page):
        result = check("f", ["broadcast-shapes", "ragged-batch"], page["mended_f"])
        assert (result.status, result.pitfall) == ("incorrect", "ragged-batch")
        assert "not what it had" in result.message

    def test_a_healthy_loop_with_a_name(self, page):
        assert check("h", ["double-softmax"], page["patient_h"]).pitfall == "double-softmax"

    def test_an_unknown_name_is_met_with_near_ones(self, page):
        result = check("a", ["dubble-softmax"], page["mended_a"])
        assert result.status == "could not run"
        assert "double-softmax" in result.message


class TestUnusable:
    @pytest.mark.parametrize(
        "answer",
        [
            "double-softmax",
            ([],),
            ([], 3.0),
            (7, lambda split, epochs: None),
            ([], lambda: None),
            ([], lambda split, epochs: 3.0),
            ([], lambda split, epochs: (abs, {})),
            ([], lambda split, epochs: (abs, {"loss": [1], "accuracy": [1], "validation": [1]})),
            ([], lambda split, epochs: (abs, dict.fromkeys(("loss", "accuracy", "validation"), 1))),
        ],
    )
    def test_unusable_answers(self, answer):
        assert exercises.get("20-b").check(answer).status == "could not run"

    def test_not_attempted(self):
        assert exercises.get("20-b").check(None).status == "not attempted"
        assert exercises.get("20-b").check(([], lambda s, epochs: None)).status == "not attempted"


def test_a_chart_that_is_made_up(page):
    def made_up(split, epochs):
        model, chart = page["patient_e"](split, epochs=epochs)
        return model, dict(chart, validation=[0.95] * epochs)

    result = check("e", ["misaligned-labels"], made_up)
    assert result.status == "incorrect"
    assert "the model that you return" in result.message


@pytest.mark.parametrize("letter", ["D", "H"])
def test_the_twin_on_the_ward_is_healthy(page, letter):
    told = exercises.get(f"20-{letter.lower()}").material()
    split = page["few_measurements"] if letter == "H" else page["wine"]
    _, chart = page[f"answer_{letter.lower()}"][1](split)
    for name in clinic_loop.SERIES:
        np.testing.assert_allclose(told[name], chart[name], atol=1e-4, err_msg=name)
