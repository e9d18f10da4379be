"""The register: every entry complete, none a copy of another."""

from utils import pitfalls

import re
from collections import Counter

import pytest

CHECKS = {"labels", "outputs", "metric", "gradients", "weights", "curve", "diagnose", "watch"}
TEXTS = ("title", "silence", "symptom", "cause", "remedy", "test")

# The public names that the design promises.
PROMISED = """
one-hot-labels sparse-labels-to-categorical label-range label-offset fractional-labels
mixed-labels label-dtype double-softmax logits-as-probabilities wrong-output-activation
output-units unstable-softmax nan-scores half-precision-softmax saturated-ties
low-precision-ids broadcast-shapes wrong-axis swapped-arguments class-ids-as-scores
batch-mismatch wrong-accuracy-metric metric-not-reset running-value last-batch-metric
metric-recreated running-average training-flag ragged-batch reshuffled-pass
misaligned-labels memorised-noise loss-without-anchor validation-leak
early-stopping-without-restore sorted-split class-imbalance undefined-precision
class-weights-ignored class-weights-scale loss-weights-misuse weights-not-in-metric
precision-on-sparse-labels per-batch-precision metric-on-logits gradients-none vector-loss
summed-loss missing-regularisation mispaired-gradients positional-reduction
python-side-effects retracing optimizer-recreated padding-counted lost-mask
unshuffled-labels replica-loss-scale replica-regularisation
"""

each_entry = pytest.mark.parametrize("entry", pitfalls.all(), ids=lambda p: p.id)


def test_every_promised_id_is_there():
    assert set(PROMISED.split()) <= {p.id for p in pitfalls.all()}


@each_entry
def test_id_is_kebab_case(entry):
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", entry.id)


@each_entry
def test_lesson_is_one_of_the_course(entry):
    assert entry.lesson in range(1, 21)


@each_entry
@pytest.mark.parametrize("field", TEXTS)
def test_texts_are_written(entry, field):
    text = getattr(entry, field)
    assert len(text) >= 4
    assert text == text.strip()
    assert text != entry.id
    assert "\n" not in text


@each_entry
def test_explanations_are_sentences(entry):
    for field in ("symptom", "cause", "remedy", "test"):
        text = getattr(entry, field)
        assert text.endswith((".", "?")), f"{field} of {entry.id} is no sentence: {text!r}"
        assert len(text) <= 320, f"{field} of {entry.id} is too long for a card"


@each_entry
def test_silence_says_silent_or_loud(entry):
    assert re.match(r"(silent|loud|a warning)", entry.silence)


@each_entry
def test_check_is_public_or_undetectable_with_a_reason(entry):
    names = [name.strip() for name in entry.check.split(",")]
    if entry.detectable:
        assert set(names) <= CHECKS
        assert len(names) == len(set(names))
    else:
        assert names == [pitfalls.UNDETECTABLE]
        assert len(entry.reason) > 20, "an undetectable pitfall needs a reason"


@each_entry
def test_threads_are_addresses(entry):
    assert len(set(entry.threads)) == len(entry.threads)
    for url in entry.threads:
        assert re.fullmatch(r"https://[\w./-]+", url)


@pytest.mark.parametrize("field", ["title", "symptom", "cause", "remedy", "test"])
def test_no_text_is_used_twice(field):
    counts = Counter(getattr(p, field) for p in pitfalls.all())
    assert [text for text, n in counts.items() if n > 1] == []


def test_every_lesson_before_the_clinic_has_a_pitfall():
    assert {p.lesson for p in pitfalls.all()} >= set(range(1, 20))


def test_an_unknown_id_is_met_with_the_nearest_ones():
    with pytest.raises(KeyError, match="double-softmax"):
        pitfalls.get("doublesoftmax")
    with pytest.raises(KeyError, match="no pitfall"):
        pitfalls.get(["double-softmax"])
