"""The papers: their studies, as intended and as run, can all be built."""

from assay.studies.papers import PAPERS, PaperStudy
from assay.studies.spec import read_study


def test_every_study_of_every_paper_can_be_built_and_has_a_name_of_its_own():
    for paper in (PAPERS[name] for name in PAPERS):
        studies = (paper.as_intended, *paper.as_run, *paper.searches, *paper.sweeps)
        specs = [paper_study.spec({"scale": 0.1}) for paper_study in studies]
        assert all(spec.variants({}) for spec in specs)
        assert len({spec.name for spec in specs}) == len(specs)


def test_as_run_a_study_has_its_faults_in_every_variant():
    intended, as_run = PaperStudy("kth").spec({}), PaperStudy("kth", ("double-softmax",)).spec({})
    assert (intended.name, as_run.name) == ("kth", "kth-as-run")
    assert {variant.recipe.faults for variant in as_run.variants({})} == {("double-softmax",)}
    assert [variant.name for variant in as_run.variants({})] == [variant.name for variant in intended.variants({})]


def test_the_own_photos_paper_has_accuracies_for_its_five_nets():
    """Section 4 of the paper: 200 photos, as they are and blurred."""
    accuracies = read_study("own-photos").reported_on_photos
    assert accuracies["imp2"] == (0.585, 0.79)
    assert list(accuracies) == ["base", "imp1", "imp2", "mnet1", "mnet2"]
    assert [name for name in PAPERS if PAPERS[name].has_photos] == ["own-photos"]
