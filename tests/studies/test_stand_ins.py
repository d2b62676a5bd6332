"""Studies of pretrained nets run those whose weights are available, and report what to put where for the others."""

import pytest
from safetensors.torch import save_file

from assay.core.errors import AssayError
from assay.models.pretrained import build_pretrained
from assay.recipes.loader import read_recipe
from assay.studies.spec import StudySpec, read_study
from assay.studies.stand_ins import STAND_INS, WeightsCheck, use_available_weights

V1 = "transfer/mobilenet_v1"


@pytest.fixture(autouse=True)
def only_ours(monkeypatch):
    """Nets that need no library, and nothing can be downloaded."""
    monkeypatch.setattr("assay.studies.stand_ins.STAND_INS", (V1,))


@pytest.fixture
def spec() -> StudySpec:
    """A ladder of heads whose weights are in no folder: MobileNet at widths that nobody has."""
    one = read_recipe(V1).override({"model.arguments": {"width": 0.2}, "reported": {"report": "toy", "accuracy": 0.5}})
    steps = {"wider": {"recipe": one.override({"model.arguments": {"width": 0.3}})}, "longer": {"training.epochs": 3}}
    return StudySpec.model_validate({"name": "toy", "base": one, "plan": {"name": "ladder", "steps": steps}})


def put(folder, width: float) -> None:
    model = read_recipe(V1).model.model_copy(update={"arguments": {"width": width}})
    save_file(build_pretrained(model, 10, 0).state_dict(), folder / f"mobilenetv1_{round(100 * width):03}.safetensors")


def test_with_all_weights_available_the_study_stays_as_it_is(spec, tmp_path):
    for width in (0.2, 0.3):
        put(tmp_path, width)
    lines: list[str] = []
    assert use_available_weights(spec, WeightsCheck(lines.append, tmp_path)) is spec
    assert lines == []


def test_a_step_without_weights_is_left_out_and_reported_once(spec, tmp_path):
    put(tmp_path, 0.2)
    lines: list[str] = []
    changed_spec = use_available_weights(spec, WeightsCheck(lines.append, tmp_path))
    assert [one.name for one in changed_spec.variants({})] == ["base", "longer"]
    assert changed_spec.name == spec.name
    assert len(lines) == 1
    assert str(tmp_path / "mobilenetv1_030.safetensors") in lines[0]


def test_studies_that_share_a_check_report_a_net_once(spec, tmp_path):
    put(tmp_path, 0.2)
    lines = list[str]()
    check = WeightsCheck(lines.append, tmp_path)
    for _ in range(2):
        assert [one.name for one in use_available_weights(spec, check).variants({})] == ["base", "longer"]
    assert len(lines) == 1


def test_a_base_without_weights_has_a_stand_in_and_the_study_another_name(spec, tmp_path):
    put(tmp_path, 0.75)
    lines: list[str] = []
    changed_spec = use_available_weights(spec, WeightsCheck(lines.append, tmp_path))
    assert changed_spec.name == "toy-mobilenet_v1"
    base = changed_spec.variants({})[0]
    assert (base.name, base.recipe.model) == ("mobilenet_v1", read_recipe(V1).model)
    assert base.recipe.reported is None
    assert changed_spec.published_accuracy(base) is None
    assert lines[-1] == "toy: with mobilenet_v1 instead"


def test_a_grid_keeps_its_settings_with_the_stand_in(tmp_path, spec):
    put(tmp_path, 0.75)
    sweep = read_study("transfer-rates").replace({"base": spec.base.model_dump(mode="json")})
    changed_spec = use_available_weights(sweep, WeightsCheck(lambda _: None, tmp_path))
    assert [one.name for one in changed_spec.variants({})] == [one.name for one in sweep.variants({})]
    assert {one.recipe.model.arguments["width"] for one in changed_spec.variants({})} == {0.75}


def test_a_study_without_any_weights_is_refused(spec, tmp_path):
    with pytest.raises(AssayError, match="toy: no weights are available for any of its nets"):
        use_available_weights(spec, WeightsCheck(lambda _: None, tmp_path))


def test_a_study_without_pretrained_nets_stays_as_it_is(tmp_path):
    spec = read_study("kth")
    assert use_available_weights(spec, WeightsCheck(pytest.fail, tmp_path)) is spec


def test_every_stand_in_is_a_recipe():
    assert all(read_recipe(name).model.weights == "library" for name in STAND_INS)
