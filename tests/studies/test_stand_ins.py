"""Studies of pretrained nets go on with those whose weights are at hand, and say what to put where for the others."""

import pytest
from safetensors.torch import save_file

from assay.core.errors import AssayError
from assay.models.pretrained import build
from assay.recipes.loader import read_recipe
from assay.studies.spec import StudySpec, read_study
from assay.studies.stand_ins import STAND_INS, at_hand

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
    save_file(build(model, 10, 0).state_dict(), folder / f"mobilenetv1_{round(100 * width):03}.safetensors")


def test_with_all_weights_at_hand_the_study_stays_as_it_is(spec, tmp_path):
    for width in (0.2, 0.3):
        put(tmp_path, width)
    told: list[str] = []
    assert at_hand(spec, told.append, tmp_path) is spec
    assert told == []


def test_a_step_without_weights_is_left_out_and_said_once(spec, tmp_path):
    put(tmp_path, 0.2)
    told: list[str] = []
    found = at_hand(spec, told.append, tmp_path)
    assert [one.name for one in found.variants({})] == ["base", "longer"]
    assert found.name == spec.name
    assert len(told) == 1
    assert str(tmp_path / "mobilenetv1_030.safetensors") in told[0]


def test_studies_that_share_what_is_known_tell_of_a_net_once(spec, tmp_path):
    put(tmp_path, 0.2)
    told, known = list[str](), dict[str, str]()
    for _ in range(2):
        assert [one.name for one in at_hand(spec, told.append, tmp_path, known).variants({})] == ["base", "longer"]
    assert len(told) == 1


def test_a_base_without_weights_has_a_stand_in_and_the_study_another_name(spec, tmp_path):
    put(tmp_path, 0.75)
    told: list[str] = []
    found = at_hand(spec, told.append, tmp_path)
    assert found.name == "toy-mobilenet_v1"
    base = found.variants({})[0]
    assert (base.name, base.recipe.model) == ("mobilenet_v1", read_recipe(V1).model)
    assert base.recipe.reported is None
    assert found.figure(base) is None
    assert told[-1] == "toy: with mobilenet_v1 instead"


def test_a_grid_keeps_its_settings_with_the_stand_in(tmp_path, spec):
    put(tmp_path, 0.75)
    sweep = read_study("transfer-rates").changed({"base": spec.base.model_dump(mode="json")})
    found = at_hand(sweep, lambda _: None, tmp_path)
    assert [one.name for one in found.variants({})] == [one.name for one in sweep.variants({})]
    assert {one.recipe.model.arguments["width"] for one in found.variants({})} == {0.75}


def test_with_no_weights_at_all_that_is_said(spec, tmp_path):
    with pytest.raises(AssayError, match="toy: there are no weights of any of its nets"):
        at_hand(spec, lambda _: None, tmp_path)


def test_a_study_without_pretrained_nets_stays_as_it_is(tmp_path):
    spec = read_study("kth")
    assert at_hand(spec, pytest.fail, tmp_path) is spec


def test_every_stand_in_is_a_recipe():
    assert all(read_recipe(name).model.weights == "library" for name in STAND_INS)
