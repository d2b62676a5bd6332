"""A recipe is frozen, checked to the last key, hashes what is run, and speaks of keys when something is wrong."""

import pytest
import yaml
from pydantic import ValidationError

from assay.core.errors import UsageError
from assay.recipes.recipe import Recipe

LINEAR = {"model": {"layers": ["flatten", "linear 10"]}}


def wrong(values, **places) -> str:
    with pytest.raises(UsageError) as caught:
        Recipe.build({**LINEAR, **values})
    return str(caught.value)


def test_yaml_reads_back_to_an_equal_recipe(recipe):
    again = Recipe.build(yaml.safe_load(recipe.to_yaml()))
    assert again == recipe
    assert again.hash == recipe.hash


def test_it_is_frozen(recipe):
    with pytest.raises(ValidationError):
        recipe.seed = 3
    with pytest.raises(ValidationError):
        recipe.training.epochs = 3


@pytest.mark.parametrize("key", ["name", "seed", "reported"])
def test_the_hash_leaves_out_what_is_no_part_of_the_experiment(recipe, key):
    change = {"name": "other", "seed": 9, "reported": {"report": "kth", "accuracy": 0.5}}
    assert recipe.override({key: change[key]}).hash == recipe.hash


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("data.split_seed", 1),
        ("data.name", "mnist"),
        ("augment", ["flip"]),
        ("optimizer.lr", 0.051),
        ("training.shuffle", False),
        ("stopping.metric", "loss"),
        ("loss.label_smoothing", 0.1),
        ("preprocess.scale", "centered"),
        ("schedule", "linear"),
        ("test_views", 6),
    ],
)
def test_the_hash_changes_with_the_experiment(recipe, key, value):
    assert recipe.override({key: value}).hash != recipe.hash


def test_a_word_stands_for_a_section_with_that_name():
    recipe = Recipe.build({"model": "kth", "loss": "nll", "schedule": "cosine"})
    assert (recipe.model.name, recipe.loss.name, recipe.schedule.name) == ("kth", "nll", "cosine")


def test_numbers_of_yaml_may_be_written_as_text():
    """YAML reads 1e-3 as text; a recipe means the number."""
    assert Recipe.build({**LINEAR, **yaml.safe_load("optimizer: {name: adam, lr: 1e-3}")}).optimizer.lr == 0.001


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"sed": 1}, "unknown key 'sed'; did you mean seed"),
        ({"training": {"epoch": 1}}, "unknown key 'training.epoch'; did you mean training.epochs"),
        ({"optimizer": {"name": "sgd", "lr": 1, "momentun": 0}}, "did you mean optimizer.momentum"),
        ({"optimizer": {"name": "adamw", "lr": 1, "l2": {}}}, "unknown key 'optimizer.l2'"),
        ({"schedule": {"name": "step", "each": 3, "every": 3}}, "unknown key 'schedule.each'"),
        ({"preprocess": {"normalize": {"mean": [0], "std": [1], "sd": 1}}}, "did you mean preprocess.normalize.std"),
        ({"optimizer": {"name": "sdg", "lr": 1}}, "unknown value for optimizer: 'sdg'; did you mean sgd"),
        ({"schedule": "cosin"}, "unknown value for schedule: 'cosin'; did you mean cosine"),
        ({"loss": "cross-entropie"}, "did you mean cross-entropy"),
        ({"preprocess": {"scale": "center"}}, "unknown value for preprocess.scale: 'center'; did you mean centered"),
        ({"preprocess": {"normalize": "trian"}}, "unknown value for preprocess.normalize: 'trian'; did you mean train"),
        ({"optimizer": {"name": "sgd"}}, "optimizer.lr: field required"),
        ({"optimizer": {"name": "sgd", "lr": -1}}, "optimizer.lr: input should be greater than 0 (given: -1)"),
        ({"optimizer": {"name": "sgd", "lr": "high"}}, "(given: 'high')"),
        ({"optimizer": {"name": "sgd", "lr": float("nan")}}, "optimizer.lr: "),
        ({"training": {"epochs": 0}}, "training.epochs: input should be greater than 0 (given: 0)"),
        ({"training": {"epochs": 2.5}}, "training.epochs: "),
        ({"data": {"validation": 1.0}}, "data.validation: input should be less than 1"),
        ({"schedule": {"name": "piecewise", "at": {0: 0.1}}}, "schedule.at.0"),
        ({"augment": "flip"}, "augment: "),
        ({"augment": [1]}, "augment.0: "),
        ({"optimizer": "muon"}, "optimizer.bias_lr: field required"),
        ({"optimizer": {"name": "moun", "lr": 1}}, "unknown value for optimizer: 'moun'; did you mean muon"),
        ({"optimizer": {"name": "muon", "bias_lr": 0, "head_lr": 1}}, "optimizer.bias_lr: input should be greater"),
        ({"optimizer": {"name": "muon", "bias_rl": 1}}, "did you mean optimizer.bias_lr"),
        ({"optimizer": {"name": "muon", "momentum": 1.0, "bias_lr": 1, "head_lr": 1}}, "optimizer.momentum: "),
        ({"test_views": 3}, "unknown value for test_views: '3'; known: 1, 2, 6"),
        ({"seed": -1}, "seed: input should be greater than or equal to 0"),
        ({"name": "../../etc/passwd"}, "name: "),
        ({"name": "a/../b"}, "name: "),
        ({"model": {}}, "model: give either a name or a list of layers"),
        ({"model": {"name": "kth", "layers": ["flatten"]}}, "model: give either a name or a list of layers"),
        ({"model": {"layers": ["flatten"], "arguments": {"filters": 1}}}, "arguments belong to a named net"),
        ({"loss": {"name": "nll", "label_smoothing": 0.1}}, "label_smoothing goes with cross-entropy"),
        ({"data": {"validation": 0}, "stopping": {"patience": 2}}, "patience and the plateau schedule watch"),
        ({"data": {"validation": 0}, "schedule": "plateau"}, "patience and the plateau schedule watch"),
        ({"data": "cifar10"}, "data: "),
        ({"training": None}, "training: "),
    ],
)
def test_what_is_wrong_is_said_with_its_key(values, told):
    assert told in wrong(values)


def test_everything_that_is_wrong_is_said_at_once():
    said = wrong({"sed": 1, "training": {"epochs": 0}, "loss": "nil"}).splitlines()
    assert len(said) == 3


def test_an_override_reaches_any_key_and_leaves_the_recipe_as_it_was(recipe):
    changed = recipe.override({"optimizer.lr": 0.5, "seed": 3, "training.batch_size": 7})
    assert (changed.optimizer.lr, changed.seed, changed.training.batch_size) == (0.5, 3, 7)
    assert (recipe.optimizer.lr, recipe.seed, recipe.training.batch_size) == (0.05, 0, 32)


def test_another_net_takes_the_place_of_the_old_with_its_arguments():
    recipe = Recipe.build({"model": {"name": "kth", "arguments": {"dropout": 0.3}}})
    assert recipe.override({"model.name": "mlp"}).model.arguments == {}
    assert recipe.override({"model.layers": ["flatten"]}).model.name is None
    assert recipe.override({"model.arguments.dropout": 0.5}).model.arguments == {"dropout": 0.5}


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("optimizer.momentun", "optimizer.momentun=1: unknown key 'optimizer.momentun'; did you mean optimizer.mom"),
        ("seed.x", "seed.x=1: unknown key 'seed.x'"),
        ("", "=1: unknown key ''"),
    ],
)
def test_a_wrong_override_is_quoted(recipe, key, told):
    with pytest.raises(UsageError) as caught:
        recipe.override({key: 1})
    assert told in str(caught.value)


def test_blame_adds_the_nearest_known_place(recipe):
    placed = Recipe.build(recipe.model_dump(mode="json"), {("augment",): "a.yaml:4", ("augment", 0): "a.yaml:5"})
    with pytest.raises(UsageError, match=r"^a\.yaml:5: augment\.0: bad$"), placed.blame("augment"):
        raise UsageError("bad", at=(0,))
    with pytest.raises(UsageError, match=r"^a\.yaml:4: augment\.3: bad$"), placed.blame("augment"):
        raise UsageError("bad", at=(3,))
    with pytest.raises(UsageError, match=r"^bad$"), placed.blame("model"):
        raise UsageError("bad")


def test_an_override_is_blamed_on_its_own_words(recipe):
    changed = recipe.override({"augment": ["flop"]})
    with pytest.raises(UsageError, match=r"^augment=\['flop'\]: augment\.0: bad$"), changed.blame("augment"):
        raise UsageError("bad", at=(0,))


def test_the_nets_own_preprocessing_can_be_asked_for_as_a_whole():
    recipe = Recipe.build({"model": "mobilenet_v1", "preprocess": "net"})
    assert (recipe.preprocess.resize, recipe.preprocess.crop, recipe.preprocess.normalize) == ("net", "net", "net")
    assert Recipe.build(yaml.safe_load(recipe.to_yaml())) == recipe


@pytest.mark.parametrize("key", ["weights", "train_only", "dropout", "unfreeze"])
def test_keys_of_pretrained_nets_do_not_go_with_layers(key):
    value = {"weights": "library", "train_only": "head", "dropout": 0.2, "unfreeze": {1: "all"}}[key]
    assert f"{key} is for a pretrained net" in wrong({"model": {**LINEAR["model"], key: value}})


def test_a_word_that_no_size_knows_is_said():
    assert "preprocess.crop" in wrong({"preprocess": {"crop": "nett"}})
    assert "model.train_only" in wrong({"model": {"name": "mobilenet_v1", "train_only": "heads"}})


def test_the_word_off_of_yaml_is_a_value_of_duplicates():
    """YAML reads off, without quotes, as false."""
    recipe = Recipe.build({"model": "kth", "data": yaml.safe_load("duplicates: off")})
    assert recipe.data.duplicates == "off"
    assert recipe.override({"data.duplicates": "auto"}).hash == Recipe.build({"model": "kth"}).hash
    with pytest.raises(UsageError, match="known: auto, exact, off"):
        Recipe.build({"model": "kth", "data": {"duplicates": True}})
