"""Graders of lesson 12: the reference, other right answers, and each plausible wrong one."""

from utils import exercises
from utils.exercises import lesson_12, solutions

import numpy as np
import pytest


def stopping(copy, restore, *, late=0, count=True, give="best", restart=True):
    """Return an answer to 12-a: how it copies weights, when it puts them back, how it counts."""

    def mended(model, train_epoch, validate, epochs, patience):
        best, wait, kept, losses = np.inf, 0, copy(model), []
        for _ in range(epochs):
            train_epoch()
            losses.append(validate())
            if losses[-1] < best:
                best, kept = losses[-1], copy(model)
                wait = 0 if restart else wait
            else:
                wait += 1
            if count and wait == patience + late:
                if restore == "when stopped":
                    model.set_weights([np.asarray(w) for w in kept])
                break
        if restore == "always":
            model.set_weights([np.asarray(w) for w in kept])
        return {"best": best, "last": losses[-1], "nothing": None, "text": "done"}[give]

    return mended


def copies(model):
    return model.get_weights()


def variables(model):
    return model.weights


def arrays(model):
    return [np.array(w.numpy()) for w in model.weights]


def at_the_minimum(model, train_epoch, validate, epochs, patience):
    """Another way: keep every epoch, and look for the least afterwards."""
    losses, weights = [], []
    for epoch in range(epochs):
        train_epoch()
        losses.append(validate())
        weights.append(model.get_weights())
        if epoch - int(np.argmin(losses)) >= patience:
            break
    model.set_weights(weights[int(np.argmin(losses))])
    return np.float64(min(losses))


class TestA:
    exercise = exercises.get("12-a")

    def test_reference(self):
        scope = {"np": np}
        exec(self.exercise.solution(), scope)
        assert self.exercise.check(scope["mended"]).correct

    @pytest.mark.parametrize("answer", [stopping(arrays, "always"), at_the_minimum])
    def test_other_right_answers(self, answer):
        result = self.exercise.check(answer)
        assert result.correct, result.message

    @pytest.mark.parametrize(
        ("answer", "pitfall", "told"),
        [
            (stopping(copies, "never"), "early-stopping-without-restore", "the last"),
            (stopping(variables, "always"), "early-stopping-without-restore", "living variables"),
            (stopping(copies, "when stopped"), "early-stopping-without-restore", "ran out"),
            (stopping(copies, "always", late=1), None, "too late"),
            (stopping(copies, "always", late=-1), None, "too soon"),
            (stopping(copies, "always", restart=False), None, "too soon"),
            (stopping(copies, "always", count=False), None, "never stops early"),
            (stopping(copies, "always", give="last"), None, "Return the least"),
            (stopping(copies, "always", give="nothing"), None, "Return the least"),
            (stopping(copies, "always", give="text"), None, "Return the least"),
        ],
    )
    def test_wrong_answers_are_told_their_pitfall(self, answer, pitfall, told):
        result = self.exercise.check(answer)
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message
        assert told in result.message

    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            (0.5, "function was expected"),
            (lambda model: None, "TypeError"),
            (lambda m, t, v, epochs, patience: [t() for _ in range(epochs + 9)], "more than"),
        ],
    )
    def test_unusable_answers(self, answer, told):
        result = self.exercise.check(answer)
        assert result.status == "could not run"
        assert told in result.message

    def test_the_stub_is_not_attempted(self):
        assert self.exercise.check(lambda *_: None).status == "not attempted"


def stratified(x, y):
    from sklearn.model_selection import train_test_split

    x_train, x_val, y_train, y_val = train_test_split(
        x, y, test_size=0.25, stratify=y, random_state=0
    )
    return x_train, y_train, x_val, y_val


def every_fourth_of_each_class(x, y):
    order = np.argsort(y, kind="stable")
    in_val = np.zeros(len(y), bool)
    in_val[order[1::4]] = True
    in_val[np.flatnonzero(y == 2)[0]] = True
    return [x[~in_val], y[~in_val], x[in_val], y[in_val]]


def cut(x, y, order=None, share=0.75):
    order = np.arange(len(y)) if order is None else order
    front, back = np.split(order, [int(share * len(y))])
    return x[front], y[front], x[back], y[back]


def shuffled(y):
    return np.random.default_rng(0).permutation(len(y))


def two_shuffles(x, y):
    rng = np.random.default_rng(0)
    return cut(rng.permutation(x), rng.permutation(y))


def two_draws(x, y):
    rng = np.random.default_rng(0)
    a, b = rng.permutation(len(y)), rng.permutation(len(y))
    n = int(0.75 * len(y))
    return x[a[:n]], y[a[:n]], x[b[n:]], y[b[n:]]


def labels_of_all(x, y):
    x_train, _, x_val, y_val = stratified(x, y)
    return x_train, y, x_val, y_val


class TestB:
    exercise = exercises.get("12-b")

    def test_reference(self):
        scope = {"np": np}
        exec("def split(x, y):\n" + solutions.code("12-b"), scope)
        assert self.exercise.check(scope["split"]).correct

    @pytest.mark.parametrize("answer", [stratified, every_fourth_of_each_class])
    def test_other_right_answers(self, answer):
        result = self.exercise.check(answer)
        assert result.correct, result.message

    @pytest.mark.parametrize(
        ("answer", "pitfall", "told"),
        [
            (cut, "sorted-split", "class"),
            (lambda x, y: cut(x, y, shuffled(y)), "sorted-split", "class"),
            (two_shuffles, "misaligned-labels", "do not belong"),
            (two_draws, "validation-leak", "in training, too"),
            (lambda x, y: (x, y, x[::4], y[::4]), "validation-leak", "in training, too"),
            (labels_of_all, "batch-mismatch", "labels in training"),
            (lambda x, y: cut(x, y, shuffled(y), share=0.5), None, "about a quarter"),
            (lambda x, y: (x[::2], y[::2], x[1::4], y[1::4]), None, "in neither part"),
        ],
    )
    def test_wrong_answers_are_told_their_pitfall(self, answer, pitfall, told):
        result = self.exercise.check(answer)
        assert (result.status, result.pitfall) == ("incorrect", pitfall), result.message
        assert told in result.message

    @pytest.mark.parametrize(
        "answer", [3, lambda x, y: x, lambda x, y: (x, y), lambda x, y: (x, x, x, x), lambda x: x]
    )
    def test_unusable_answers(self, answer):
        assert self.exercise.check(answer).status == "could not run"

    def test_the_stub_is_not_attempted(self):
        assert self.exercise.check(lambda x, y: None).status == "not attempted"


class TestC:
    exercise = exercises.get("12-c")

    def test_reference(self):
        scope = {}
        exec(self.exercise.solution(), scope)
        assert self.exercise.check(scope["answer"]).correct

    def test_other_right_answers(self):
        shouted = {f" {k.upper()}": v.lower() for k, v in lesson_12.RIGHT.items()}
        assert self.exercise.check(shouted).correct
        assert self.exercise.check(dict(reversed(lesson_12.RIGHT.items()))).correct

    @pytest.mark.parametrize(
        ("name", "letter", "pitfall"),
        [
            ("underfitting", "C", None),
            ("overfitting", "A", None),
            ("leak", "D", "validation-leak"),
            ("sorted split", "D", "sorted-split"),
        ],
    )
    def test_wrong_answers(self, name, letter, pitfall):
        result = self.exercise.check(dict(lesson_12.RIGHT, **{name: letter}))
        assert (result.status, result.pitfall) == ("incorrect", pitfall)
        assert f"“{name}” is not {letter}" in result.message

    @pytest.mark.parametrize("answer", ["A", {"leak": "A"}, dict(lesson_12.RIGHT, leak="X"), [1]])
    def test_unusable_answers(self, answer):
        assert self.exercise.check(answer).status == "could not run"

    def test_each_run_shows_what_it_is_called(self):
        runs = self.exercise.material()
        last = {letter: run["validation"][-1] for letter, run in runs.items()}
        assert runs["B"]["training"][-1] > 2
        assert runs["D"]["training"][-1] < 0.2 < min(runs["D"]["validation"]) + 0.1 < last["D"]
        assert last["A"] < 0.1 < 0.5 < runs["A"]["new"]
        assert last["C"] > runs["C"]["validation"][0] > np.log(10)
