"""The clinic: how its patients look, that healthy ones stay unsuspected, and parity with `fit`."""

from utils import checks
from utils.exercises.clinic_ward import WARD

import keras
import numpy as np
import pytest
from cells import run_cells

STEM = "20_clinic"
CELLS = [f"patient-{p.letter.lower()}" for p in WARD]


@pytest.fixture(scope="module")
def ward():
    return run_cells(STEM, ["setup", "parts", "examine", *CELLS])


@pytest.fixture(scope="module")
def mended(ward):
    loops = {}
    for patient in WARD:
        letter = patient.letter.lower()
        run_cells(STEM, [f"exercise-{letter}"], ward)
        loops[patient.letter] = ward["answer"][1]
    return loops


def test_there_are_eight_sick_loops_some_with_two_faults_and_two_healthy():
    counts = [len(p.faults) for p in WARD]
    assert sum(c > 0 for c in counts) >= 8
    assert counts.count(2) >= 3
    assert counts.count(0) == 2


def test_the_complaints_are_true(ward):
    charts = ward["charts"]
    floor = np.log(np.e + 2) - 1
    assert floor < min(charts["A"]["loss"]) < floor + 0.05
    assert charts["A"]["validation"][-1] > 0.95
    assert charts["C"]["loss"][0] > 2 * np.log(3)
    assert charts["E"]["validation"][-1] < 0.45
    assert max(charts["F"]["accuracy"]) < 0.4
    assert charts["F"]["validation"][-1] > 0.95
    assert charts["I"]["loss"][-1] < 0.1
    unpenalised = ward["patient_d"](ward["wine"])[0]
    plain = ward["patient_f"](ward["wine"])[0]
    for a, b in zip(unpenalised.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    model, _ = ward["patient_j"](ward["wine"])
    fresh = ward["build_model"](ward["wine"])
    assert np.array_equal(model.get_weights()[0], fresh.get_weights()[0])


def test_h_is_as_good_as_its_measurements_allow(ward):
    from sklearn.neighbors import KNeighborsClassifier

    few = ward["few_measurements"]
    other = KNeighborsClassifier(15).fit(few.x_train, few.y_train).score(few.x_test, few.y_test)
    assert ward["charts"]["H"]["validation"][-1] > other - 0.05


@pytest.mark.parametrize("letter", ["A", "D", "I"])
def test_a_mended_loop_is_fit(ward, mended, letter):
    wine = ward["wine"]
    model, chart = mended[letter](wine)
    penalty = keras.regularizers.L2(0.05) if letter == "D" else None
    twin = ward["build_model"](wine, kernel_regularizer=penalty)
    optimizer = keras.optimizers.SGD(0.02) if letter == "I" else keras.optimizers.Adam(0.03)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    twin.compile(optimizer, loss, metrics=["accuracy"])
    told = twin.fit(
        wine.x_train,
        wine.y_train,
        batch_size=48,
        epochs=8,
        shuffle=False,
        verbose=0,
        validation_data=(wine.x_test, wine.y_test),
    ).history
    for a, b in zip(model.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    np.testing.assert_allclose(chart["loss"], told["loss"], atol=1e-5)
    np.testing.assert_allclose(chart["accuracy"], told["accuracy"], atol=1e-6)
    np.testing.assert_allclose(chart["validation"], told["val_accuracy"], atol=1e-6)


@pytest.mark.parametrize("patient", WARD, ids=lambda p: p.letter)
def test_watch_names_no_fault_that_is_not_there(ward, mended, patient):
    split = ward["few_measurements"] if patient.letter == "H" else ward["wine"]
    allowed = {name for key in patient.faults for name in (key, *patient.names.get(key, ()))}
    with checks.watch() as report:
        ward[f"patient_{patient.letter.lower()}"](split, epochs=3)
    assert {f.pitfall for f in report.alarms} <= allowed
    with checks.watch() as report:
        mended[patient.letter](split, epochs=3)
    assert not report.alarms
