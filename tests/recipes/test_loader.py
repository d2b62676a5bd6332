"""Reading recipes: by name, from a file, and every fault of a file with its line."""

import pytest

from assay.core.errors import UsageError
from assay.recipes.loader import read_recipe, read_whole_recipe, recipe_names, recipe_path

GOOD = """\
# A comment.
data: {name: mnist}
augment:
  - flip
  - crop 4
model:
  layers:
    - flatten
    - linear 10
optimizer:
  name: sgd
  lr: 0.1
"""


@pytest.fixture
def said(tmp_path):
    """What reading a file with this content says; the folder's name left out."""

    def read(content):
        path = tmp_path / "mine.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        with pytest.raises(UsageError) as caught:
            read_recipe(str(path))
        return str(caught.value).replace(f"{tmp_path}/", "")

    return read


def test_a_built_in_recipe_has_its_name():
    for name in recipe_names():
        assert read_recipe(name).name == name


def test_a_file_lends_its_name_unless_the_recipe_has_one(tmp_path):
    path = tmp_path / "my best (2).yaml"
    path.write_text(GOOD)
    assert read_recipe(str(path)).name == "my-best-2"
    path.write_text(GOOD + "name: tests/best\n")
    assert read_recipe(str(path)).name == "tests/best"


def test_a_dot_in_a_name_is_no_suffix():
    assert recipe_path("kth/3.2").name == "3.2.yaml"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("  lr: 0.1", "  lr: 0.1\n  momentun: 0", "mine.yaml:13: unknown key 'optimizer.momentun'; did you mean"),
        ("  lr: 0.1", "  lr: much", "mine.yaml:12: optimizer.lr: "),
        ("  lr: 0.1", "", "mine.yaml:10: optimizer.lr: field required"),
        ("name: sgd", "name: sdg", "mine.yaml:10: unknown value for optimizer: 'sdg'; did you mean sgd"),
        ("  - crop 4", "  - 4", "mine.yaml:5: augment.1: "),
        ("data: {name: mnist}", "data: {nam: mnist}", "mine.yaml:2: unknown key 'data.nam'; did you mean data.name"),
        ("  name: sgd", "  name: sgd\n  name: adam", "mine.yaml:12: the key 'name' appears here a second time"),
        ("  name: sgd", "  name: [sgd", "not valid YAML"),
        ("augment:", "augment: *a", "mine.yaml:3: "),
        ("augment:", "\taugment:", "mine.yaml:3: not valid YAML"),
        ("model:", "modell:", "mine.yaml:6: unknown key 'modell'; did you mean model"),
    ],
)
def test_a_fault_has_its_file_and_line(said, old, new, told):
    assert told in said(GOOD.replace(old, new))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "mine.yaml:1: a recipe is a list of 'key: value' lines"),
        ("- a\n- b", "mine.yaml:1: a recipe is a list"),
        (b"\xff\xfe\x00", "mine.yaml: not a text file"),
        ("model: \x00", "mine.yaml: not valid YAML"),
        ("seed: 1", "mine.yaml: model: field required"),
        ("a: &a [*a]", "mine.yaml:1: the alias '*a' is not for recipes; write the value out"),
        ("[" * 900 + "]" * 900, "mine.yaml: nested too deeply"),
        ("a: !!python/object/apply:os.system ['touch pwned']", "mine.yaml:1: not valid YAML: could not determine"),
        ("? [1, 2]\n: 3", "mine.yaml"),
        ("1: 2\nmodel: kth", "mine.yaml: 1: keys should be strings"),
        ("null: 2\nmodel: kth", "mine.yaml"),
        ("[]: 1", "mine.yaml"),
        ("training: {2: 3}\nmodel: kth", "mine.yaml:1: training.2: keys should be strings"),
        ("model: kth\nseed: 2026-01-01", "mine.yaml:2: seed: "),
        ("model: [kth]", "mine.yaml:1: model: "),
        ("model: kth\noptimizer: 3", "mine.yaml:2: optimizer: "),
        ("model: kth\noptimizer: {name: [sgd], lr: 1}", "mine.yaml:2: "),
    ],
)
def test_no_content_is_a_traceback(said, content, told):
    assert told in said(content)


def test_a_bomb_of_aliases_ends_soon(said):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    assert "mine.yaml:2: the alias '*a0'" in said("\n".join(lines))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"cannot read the recipe .*absent\.yaml: No such file"):
        read_recipe(str(tmp_path / "absent.yaml"))


@pytest.mark.parametrize("name", ["kth/3.3", "fashion/cnn_bn", "nothing-like-it", ""])
def test_an_unknown_name_shows_the_nearest_or_all(name):
    with pytest.raises(UsageError, match=f"^unknown recipe '{name}'; (did you mean|known:) .*(kth|fashion)/"):
        read_recipe(name)


def test_a_written_recipe_reads_back_unless_it_is_cut_off(tmp_path):
    path, recipe = tmp_path / "recipe.yaml", read_recipe("fashion/cnn-bn")
    path.write_text(recipe.to_yaml())
    assert read_whole_recipe(path) == recipe
    text = recipe.to_yaml()
    for length in range(20, text.index("\nreported:"), 97):  # in the middle of keys and values too
        path.write_text(text[:length])
        with pytest.raises(UsageError, match=r"recipe\.yaml is cut off: its last line, '# end of the recipe', is"):
            read_whole_recipe(path)


def test_a_recipe_of_version_0_1_has_no_mark_at_its_end(tmp_path):
    path, recipe = tmp_path / "recipe.yaml", read_recipe("fashion/cnn-bn")
    path.write_text(recipe.to_yaml().removesuffix("# end of the recipe\n"))
    assert read_whole_recipe(path) == recipe
