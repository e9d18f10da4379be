"""The differential diagnosis covers the register, and speaks of nothing else."""

from utils import differential, pitfalls

import pytest


def test_every_pitfall_is_suspected_somewhere():
    suspected = {id_ for symptom in differential.SYMPTOMS for id_ in symptom.suspects}
    missing = {p.id for p in pitfalls.all()} - suspected
    assert not missing, f"add to a symptom in utils/differential.py: {sorted(missing)}"


@pytest.mark.parametrize("symptom", differential.SYMPTOMS, ids=lambda s: s.key)
def test_suspects_are_of_the_register_and_named_once(symptom):
    assert len(set(symptom.suspects)) == len(symptom.suspects) > 1
    shown = differential.suspects(symptom.key)
    for form in (repr(shown), shown._repr_html_()):
        for id_ in symptom.suspects:
            assert pitfalls.get(id_).id in form
    assert pitfalls.get(symptom.suspects[0]).test.split()[0] in repr(shown)


def test_it_fits_on_a_page():
    text = repr(differential.page())
    assert len(text.splitlines()) <= 60
    assert max(map(len, text.splitlines())) <= 92
    for symptom in differential.SYMPTOMS:
        assert symptom.sign in text
        assert symptom.key in differential.page()._repr_html_()


def test_an_unknown_symptom_is_met_with_the_known_ones():
    with pytest.raises(KeyError, match=r"flat.*slow"):
        differential.suspects("fever")
