"""The drift table: it names claims, and a missing or empty report is no "no drift"."""

from drift import summary

CASE = '<testcase name="test_x"><properties><property name="claim" value="D001-16"/></properties>'


def write(path, *cases):
    path.write_text(f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>")
    return path


def test_a_failed_experiment_is_listed_with_its_claim(tmp_path):
    failed = f'{CASE}<failure message="assert 0.85 == 0.93 | twice">trace</failure></testcase>'
    text = summary(write(tmp_path / "r.xml", failed, '<testcase name="test_y"/>'))
    assert "1 of 2 tests disagree" in text
    assert "| D001-16 | `test_x` | assert 0.85 == 0.93 \\| twice |" in text


def test_an_error_in_collection_is_listed_too(tmp_path):
    broken = '<testcase name="test_d001"><error message="">no Keras</error></testcase>'
    assert "| – | `test_d001` | no Keras |" in summary(write(tmp_path / "r.xml", broken))


def test_agreement_is_said_only_of_tests_that_ran(tmp_path):
    assert "No drift: all 1 tests" in summary(write(tmp_path / "r.xml", CASE + "</testcase>"))
    assert "No experiment ran" in summary(write(tmp_path / "empty.xml"))
    assert "did not run" in summary(tmp_path / "missing.xml")
    (tmp_path / "cut.xml").write_text("<testsuites>")
    assert "did not run" in summary(tmp_path / "cut.xml")
